"""The sidecar passes on nothing but what a route grants, however it is asked."""

import contextlib
import socket
import ssl
import subprocess  # noqa: TID251 - runs in a bottle, where our own module is not
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from attacks.kit import Attempt, attack, await_quiet

HOST, OTHER, DENIED, PLAIN = (
    b"api.example.com",
    b"other.example.com",
    b"denied.example.com",
    b"plain.example.com",
)
_SECONDS = 2
_CLOSE = b"Connection: close\r\n"


@dataclass(frozen=True)
class Shot:
    """One conversation with the proxy. `allowed`: answers of success that are no gain.

    `connect` None: the bytes go to the proxy itself. `sni` None: TLS without a name; `tls` False: none.
    """

    send: bytes
    connect: bytes | None = HOST + b":443"
    sni: bytes | None = HOST
    tls: bool = True
    allowed: int = 0


def get(path: bytes, host: bytes = HOST, *lines: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n" + b"".join(lines) + _CLOSE + b"\r\n"


def fire(proxy: tuple[str, int], shot: Shot) -> str | None:
    """What came back, where that is a success, or no HTTP at all."""
    with contextlib.ExitStack() as stack:
        stream: Any = stack.enter_context(socket.create_connection(proxy, _SECONDS))
        if shot.connect is not None:
            stream.sendall(b"CONNECT " + shot.connect + b" HTTP/1.1\r\nHost: " + shot.connect + b"\r\n\r\n")
            head = _head(stream)
            if not head.startswith(b"HTTP/1.1 200"):
                return None
            if shot.tls:
                stream = stack.enter_context(_secured(stream, shot.sni))
        stream.sendall(shot.send)
        return gain(await_quiet(lambda: stream.recv(65536), _SECONDS), shot.allowed)


def gain(answer: bytes, allowed: int) -> str | None:
    statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    successes = [status for status in statuses if status[:1] in b"123" and status != b"100"]
    if len(successes) > allowed or (answer and not statuses and answer[:1] != b"\x15"):
        return f"answered: {answer[:200]!r}"
    return None


def _head(stream: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)
        if not byte:
            break
        head += byte
    return head


def _secured(stream: socket.socket, name: bytes | None) -> ssl.SSLSocket:
    """The agent may well ignore whose certificate it sees."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(stream, server_hostname=None if name is None else name.decode())


def _shots(proxy: tuple[str, int], shots: dict[str, Shot]) -> Iterator[Attempt]:
    for what, shot in shots.items():
        yield what, partial(fire, proxy, shot)


@attack("proxy", control="gullible", outside=True, every=True)
def hosts_without_a_route(aim: Any) -> Iterator[Attempt]:
    """Asks for a host that no route covers: in a tunnel, in the clear, as a subdomain, as a look-alike."""
    names = (
        DENIED, b"x.api.example.com", b"example.com", b"xapi.example.com", b"api.example.com.evil.test",
        b"api.example.co", b"sidecar.bottle", b"gate.bottle", b"supervise.bottle", b"localhost",
        b"wildcard.test", b"metadata.google.internal",
    )  # fmt: skip
    for name in names:
        yield name.decode(), partial(fire, aim, Shot(get(b"/forbidden", name), name + b":443", name))
    absolute = get(b"http://" + DENIED + b"/forbidden", DENIED)
    yield "in the clear", partial(fire, aim, Shot(absolute, None))


@attack("proxy", control="gullible", outside=True, every=True)
def connect_to_addresses(aim: Any) -> Iterator[Attempt]:
    """Tunnels to an address, spelled in every way that some resolver understands."""
    addresses = (
        b"127.0.0.1", b"0.0.0.0", b"10.0.0.1", b"169.254.169.254", b"2130706433", b"017700000001",
        b"0x7f000001",
        b"0x7f.1", b"127.1", b"127.0.0.1.", b"[::1]", b"[::]", b"[::ffff:127.0.0.1]", b"[::ffff:7f00:1]",
        b"[64:ff9b::7f00:1]", b"[2002:7f00:1::]", b"[fe80::1%25eth0]", b"[fd00:ec2::254]", b"1.1.1.1",
        b"8.8.8.8",
    )  # fmt: skip
    for address in addresses:
        shot = Shot(get(b"/forbidden", address), address + b":443", None)
        yield address.decode(), partial(fire, aim, shot)
        clear = Shot(get(b"http://" + address + b"/forbidden", address), None)
        yield f"{address.decode()} in the clear", partial(fire, aim, clear)


@attack("proxy_with_services", control="gullible_with_services", outside=True, every=True)
def connect_to_services_of_the_host(aim: Any) -> Iterator[Attempt]:
    """Tunnels to services that really listen on this machine, by address and by name."""
    proxy, services = aim
    for host, port in services:
        named = f"[{host}]" if ":" in host else host
        target = f"{named}:{port}".encode()
        yield f"{named}:{port}", partial(fire, proxy, Shot(b"hello\r\n", target, tls=False))
        clear = Shot(get(b"http://" + target + b"/forbidden", target), None)
        yield f"{named}:{port} in the clear", partial(fire, proxy, clear)


@attack("proxy", control="gullible", outside=True, every=True)
def other_ports_of_a_granted_host(aim: Any) -> Iterator[Attempt]:
    """Tunnels to a granted host on another port, or names another port inside."""
    for port in (b"22", b"80", b"25", b"444", b"8443", b"6379", b"0", b"65535", b"65979", b"443443", b"-1"):
        yield f"CONNECT :{port.decode()}", partial(fire, aim, Shot(get(b"/v1"), HOST + b":" + port))
    inner = Shot(get(b"/v1", HOST + b":8443"))
    yield "Host :8443", partial(fire, aim, inner)
    clear = Shot(get(b"http://" + PLAIN + b":8080/forbidden", PLAIN + b":8080"), None)
    yield "in the clear :8080", partial(fire, aim, clear)


@attack("proxy", control="gullible", outside=True, every=True)
def absolute_forms(aim: Any) -> Iterator[Attempt]:
    """Puts whole URLs where the proxy or the server might read another host than was judged."""
    shots = {
        "http to a route of https": Shot(get(b"http://" + HOST + b"/v1/forbidden"), None),
        "https without CONNECT": Shot(get(b"https://" + HOST + b"/v1/forbidden"), None),
        "ftp": Shot(get(b"ftp://" + PLAIN + b"/forbidden", PLAIN), None),
        "file": Shot(get(b"file:///etc/passwd", PLAIN), None),
        "gopher": Shot(get(b"gopher://" + PLAIN + b"/forbidden", PLAIN), None),
        "granted Host, denied URL": Shot(get(b"http://" + DENIED + b"/forbidden", PLAIN), None),
        "denied Host, granted URL": Shot(get(b"http://" + PLAIN + b"/forbidden", DENIED), None),
        "user part": Shot(get(b"http://" + PLAIN + b"@" + DENIED + b"/forbidden", PLAIN), None),
        "user part turned round": Shot(get(b"http://" + DENIED + b"@" + PLAIN + b"/forbidden", PLAIN), None),
        "password": Shot(get(b"http://a:b@" + PLAIN + b"/forbidden", PLAIN), None),
        "backslash": Shot(get(b"http://" + PLAIN + b"\\@" + DENIED + b"/forbidden", PLAIN), None),
        "fragment": Shot(get(b"http://" + PLAIN + b"#@" + DENIED + b"/forbidden", PLAIN), None),
        "query": Shot(get(b"http://" + PLAIN + b"?@" + DENIED + b"/forbidden", PLAIN), None),
        "encoded dot": Shot(get(b"http://plain%2eexample.com/forbidden", b"plain%2eexample.com"), None),
        "NUL": Shot(get(b"http://" + PLAIN + b"\x00." + DENIED + b"/forbidden", PLAIN), None),
        "origin form to the proxy": Shot(get(b"/forbidden"), None),
        "in the tunnel, another host": Shot(get(b"https://" + OTHER + b"/forbidden")),
        "in the tunnel, http": Shot(get(b"http://" + HOST + b"/forbidden")),
        "in the tunnel, http to another": Shot(get(b"http://" + PLAIN + b"/v1/forbidden")),
        "in the tunnel, denied": Shot(get(b"https://" + DENIED + b"/forbidden")),
        "network-path": Shot(get(b"//" + DENIED + b"/forbidden")),
    }
    yield from _shots(aim, shots)


@attack("proxy", control="gullible", outside=True, every=True)
def names_that_disagree(aim: Any) -> Iterator[Attempt]:
    """Lets CONNECT, SNI, Host and a second Host name different hosts."""
    other = OTHER + b":443"
    shots = {
        "granted SNI in a denied tunnel": Shot(get(b"/v1/forbidden"), DENIED + b":443"),
        "denied SNI": Shot(get(b"/v1/forbidden"), sni=DENIED),
        "another granted SNI": Shot(get(b"/v1/forbidden"), sni=OTHER),
        "another granted Host": Shot(get(b"/v1/forbidden", OTHER)),
        "another granted Host, same SNI": Shot(get(b"/v1/forbidden"), other, OTHER),
        "denied Host": Shot(get(b"/v1/forbidden", DENIED)),
        "no SNI, denied Host": Shot(get(b"/v1/forbidden", DENIED), sni=None),
        "two Hosts": Shot(get(b"/v1/forbidden", HOST, b"Host: " + OTHER + b"\r\n")),
        "two Hosts turned round": Shot(get(b"/v1/forbidden", OTHER, b"Host: " + HOST + b"\r\n")),
        "no Host": Shot(b"GET /v1/forbidden HTTP/1.1\r\n" + _CLOSE + b"\r\n"),
        "empty Host": Shot(get(b"/v1/forbidden", b"")),
        "user part": Shot(get(b"/v1/forbidden", HOST + b"@" + OTHER)),
        "comma": Shot(get(b"/v1/forbidden", HOST + b"," + OTHER)),
        "space": Shot(get(b"/v1/forbidden", HOST + b" " + OTHER)),
        "tab": Shot(get(b"/v1/forbidden", HOST + b"\t" + OTHER)),
        "X-Forwarded-Host is not the Host": Shot(
            get(b"/v1/forbidden", DENIED, b"X-Forwarded-Host: " + HOST + b"\r\n")
        ),
        "second request, denied": Shot(
            b"GET /v1/permitted HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n" + get(b"/v1/forbidden", DENIED),
            allowed=1,
        ),
        "second request, another": Shot(
            b"GET /v1/permitted HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n" + get(b"/v1/forbidden", OTHER),
            allowed=1,
        ),
    }
    yield from _shots(aim, shots)


@attack("proxy", control="gullible", outside=True, every=True)
def spellings_of_a_host(aim: Any) -> Iterator[Attempt]:
    """Spells a denied host so that it might be taken for a granted one, or the other way round."""
    spellings = (
        "denied.example.com.", "DENIED.example.com", "api.example.com..",
        "api\u3002example\u3002com.denied.test",
        "\uff41pi.example.com.denied.test", "api.example.com\u2100", "api.example.com%00.denied.test",
        "api.example.com%2f.denied.test", "api.example.com/.denied.test", "api.example.com#.denied.test",
        "api.example.com?.denied.test", "api.example.com\\.denied.test", ".api.example.com", "*.example.com",
        "xn--pi-7ia.example.com", "api_example.com", "a" * 64 + ".example.com", "api.example.com " + "x",
    )  # fmt: skip
    for spelling in spellings:
        raw = spelling.encode()
        shot = Shot(get(b"/v1/forbidden", raw), raw + b":443", None)
        yield repr(spelling[:40]), partial(fire, aim, shot)


@attack("proxy", control="gullible", outside=True, every=True)
def paths_around_the_allowlist(aim: Any) -> Iterator[Attempt]:
    """Leaves the allowed prefix /v1 in every way that some server would follow."""
    paths = (
        b"/forbidden", b"/", b"/v10/forbidden", b"/v1x/forbidden", b"/V1/forbidden", b"//v1/forbidden",
        b"/v1/../forbidden", b"/v1/..", b"/v1/%2e%2e/forbidden", b"/v1/.%2e/forbidden", b"/v1/%2E./forbidden",
        b"/v1/%252e%252e/forbidden", b"/v1/%25252e%25252e/forbidden", b"/v1/..%2fforbidden",
        b"/v1/..%252fforbidden",
        b"/v1/..%5cforbidden", b"/v1\\..\\forbidden", b"/v1/..;/forbidden", b"/v1/..;a=b/forbidden",
        b"/v1;/../forbidden", b"/v1/x/../../forbidden", b"/v1/./../forbidden", b"/v1//../../forbidden",
        b"/v1/%c0%ae%c0%ae/forbidden", b"/v1/%u002e%u002e/forbidden", b"/v1/..%00/forbidden",
        b"/v1/..%20/forbidden",
        b"/v1/.. /forbidden", b"/v1/..?/forbidden", b"/v1/..#/forbidden", b"/%76%31/../forbidden",
        b"/forbidden?/v1",
        b"/forbidden#/v1", b"/forbidden;/v1", b"*", b"v1/forbidden", b"/v1/\xc0\xae\xc0\xae/forbidden",
        b"/./forbidden",
        b"/v1%2f..%2fforbidden", b"/v1%2f%2e%2e%2fforbidden", b"%2fv1/../forbidden",
        b"/v1/%uff0e%uff0e/forbidden",
    )  # fmt: skip
    for path in paths:
        yield path.decode("latin-1"), partial(fire, aim, Shot(get(path)))


@attack("proxy", control="gullible", outside=True, every=True)
def methods_around_the_rule(aim: Any) -> Iterator[Attempt]:
    """Uses methods that the route does not list, that proxies answer themselves, or that headers replace."""
    for method in (
        b"DELETE",
        b"PUT",
        b"get",
        b"TRACE",
        b"TRACK",
        b"CONNECT",
        b"PROPFIND",
        b"DEBUG",
        b"GETX",
        b"G\x00ET",
    ):
        sent = method + get(b"/v1/forbidden")[3:]
        yield method.decode(), partial(fire, aim, Shot(sent))
    for name in (
        b"X-HTTP-Method-Override",
        b"X-HTTP-Method",
        b"X-Method-Override",
        b"X_HTTP_Method_Override",
    ):
        shot = Shot(get(b"/v1/forbidden", HOST, name + b": DELETE\r\n"))
        yield name.decode(), partial(fire, aim, shot)
    for name in (b"X-Original-URL", b"X-Rewrite-URL"):
        shot = Shot(get(b"/v1/forbidden", HOST, name + b": /forbidden\r\n"))
        yield name.decode(), partial(fire, aim, shot)


_SMUGGLED = b"GET /v1/forbidden HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n"


def _post(*lines: bytes) -> bytes:
    return (
        b"POST /v1 HTTP/1.1\r\nHost: " + HOST + b"\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    )


@attack("proxy", control="gullible", outside=True, every=True)
def smuggling(aim: Any) -> Iterator[Attempt]:
    """Hides a request in another, by lengths, encodings,
    line ends and folds that parsers read differently."""
    messages = {
        "length and chunks": _post(b"Content-Length: 5", b"Transfer-Encoding: chunked")
        + b"0\r\n\r\n"
        + _SMUGGLED,
        "chunks and length": _post(b"Transfer-Encoding: chunked", b"Content-Length: 4")
        + b"5c\r\n"
        + _SMUGGLED,
        "two lengths": _post(b"Content-Length: 0", b"Content-Length: 60") + _SMUGGLED,
        "list of lengths": _post(b"Content-Length: 0, 60") + _SMUGGLED,
        "signed length": _post(b"Content-Length: +0") + _SMUGGLED,
        "folded": _post(b"X: a", b" Transfer-Encoding: chunked") + b"0\r\n\r\n" + _SMUGGLED,
        "space before the colon": _post(b"Content-Length : 60") + _SMUGGLED,
        "two encodings": _post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity")
        + b"0\r\n\r\n"
        + _SMUGGLED,
        "unknown encoding": _post(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n" + _SMUGGLED,
        "bare LF": _post().replace(b"\r\n", b"\n") + _SMUGGLED,
        "bare CR": _post(b"X: a\rTransfer-Encoding: chunked") + b"0\r\n\r\n" + _SMUGGLED,
        "NUL": _post(b"X: a\x00b") + _SMUGGLED,
        "HTTP/1.0 with chunks": _post(b"Transfer-Encoding: chunked").replace(b"1.1", b"1.0", 1)
        + b"0\r\n\r\n"
        + _SMUGGLED,
        "line break in a header name": _post(b"X: a\r\n\r\nGET /v1/forbidden HTTP/1.1\r\nHost: " + DENIED),
    }
    for what, message in messages.items():
        yield (
            what,
            partial(fire, aim, Shot(message, allowed=int(what.startswith("line")))),
        )


@attack("proxy", control="gullible", outside=True, every=True)
def upgrades(aim: Any) -> Iterator[Attempt]:
    """Asks for another protocol, behind which nobody would look: h2c, WebSocket, TLS, CONNECT in a tunnel."""
    socket_lines = (
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    )
    cleartext = b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    shots = {
        "WebSocket to a denied host": Shot(
            get(b"/forbidden", DENIED, socket_lines), DENIED + b":443", DENIED
        ),
        "WebSocket to a denied path": Shot(get(b"/forbidden", HOST, socket_lines)),
        "h2c to a denied path": Shot(get(b"/forbidden", HOST, cleartext)),
        "h2c to the proxy": Shot(get(b"http://" + DENIED + b"/forbidden", DENIED, cleartext), None),
        "HTTP/2 preface to the proxy": Shot(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
        "CONNECT in a tunnel": Shot(b"CONNECT " + DENIED + b":443 HTTP/1.1\r\nHost: " + DENIED + b"\r\n\r\n"),
        "CONNECT to the same host in a tunnel": Shot(
            b"CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com\r\n\r\n"
        ),
        "CONNECT with a body": Shot(
            b"CONNECT " + DENIED + b":443 HTTP/1.1\r\n\r\n" + get(b"/forbidden", DENIED) * 2, None, allowed=1
        ),
    }
    yield from _shots(aim, shots)


@attack("proxy", control="gullible", outside=True, every=True)
def tunnels_of_something_else(aim: Any) -> Iterator[Attempt]:
    """Speaks something else than HTTP in the tunnel of a granted host, with and without TLS."""
    openings = {
        "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
        "smtp": b"EHLO bottle\r\n",
        "redis": b"*1\r\n$4\r\nPING\r\n",
        "git": b"0033git-upload-pack /project.git\0host=api.example.com\0",
        "random": bytes(range(256)),
        "half a TLS record": b"\x16\x03\x01\x02\x00\x01\x00",
        "plain HTTP": get(b"/v1/forbidden"),
    }
    for what, opening in openings.items():
        yield what, partial(fire, aim, Shot(opening, tls=False))
        if what not in {"half a TLS record", "plain HTTP"}:
            yield f"{what} in TLS", partial(fire, aim, Shot(opening))
    yield "SOCKS 5 to the proxy", partial(fire, aim, Shot(b"\x05\x01\x00", None))
    yield "SOCKS 4 to the proxy", partial(fire, aim, Shot(b"\x04\x01\x01\xbb\x7f\x00\x00\x01\x00", None))


@attack("proxy_with_private_names", control="gullible_with_private_names", outside=True, every=True)
def names_of_private_addresses(aim: Any) -> Iterator[Attempt]:
    """Asks for granted hosts whose names lead to this machine or to a private network."""
    proxy, names = aim
    for name in names:
        yield (
            name,
            partial(_judged, proxy, name.encode()),
        )


def _judged(proxy: tuple[str, int], name: bytes) -> str | None:
    """Here an error of the connection is a gain: it says that a private address was dialled."""
    answer = fire(proxy, Shot(get(b"/forbidden", name), name + b":443", name, allowed=-1))
    return None if answer and b"403" in answer.encode()[:40] else answer


@attack("proxy", control="gullible", outside=True, every=True)
def the_sidecars_own_host(aim: Any) -> Iterator[Attempt]:
    """Looks for more than its health on the sidecar's own virtual host."""
    own = b"sidecar.bottle"
    shots = {
        path.decode(): Shot(get(b"http://" + own + path, own), None)
        for path in (
            b"/",
            b"/policy",
            b"/tokens",
            b"/health/../policy",
            b"/shutdown",
            b"/health/x",
            b"/%68ealth/..",
        )
    }
    shots["posting to its health"] = Shot(
        get(b"http://" + own + b"/health", own).replace(b"GET", b"POST"), None
    )
    shots["through a tunnel"] = Shot(get(b"/health", own), own + b":443", own)
    shots["with another Host"] = Shot(get(b"http://" + own + b"/policy", PLAIN), None)
    shots["as another's Host"] = Shot(get(b"http://" + PLAIN + b"/health", own), None)
    yield from _shots(aim, shots)


@attack("denied_redirect", control="granted_redirect")
def redirects(aim: list[str]) -> Iterator[Attempt]:
    """Follows, with curl, a granted host's redirect to a denied host and to a denied path."""
    for url in aim:
        yield url, partial(_followed, url)


def _followed(url: str) -> str | None:
    argv = (
        "curl",
        "-sSL",
        "-m",
        str(_SECONDS),
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{url_effective}",
        url,
    )
    done = subprocess.run(argv, capture_output=True, check=False, text=True)
    return done.stdout if done.stdout.startswith("2") else None
