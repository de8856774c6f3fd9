"""The sidecar reaches no host but those that a route grants, however it is asked."""

import subprocess  # noqa: TID251 - runs in a bottle, where our own module is not
from collections.abc import Iterator
from functools import partial
from typing import Any

from attacks.kit import Attempt, attack
from attacks.shots import CLOSE, DENIED, HOST, OTHER, PLAIN, SECONDS, Shot, attempts, fire, get


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
    yield from attempts(aim, shots)


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
        "no Host": Shot(b"GET /v1/forbidden HTTP/1.1\r\n" + CLOSE + b"\r\n"),
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
    yield from attempts(aim, shots)


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
    yield from attempts(aim, shots)


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
        str(SECONDS),
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{url_effective}",
        url,
    )
    done = subprocess.run(argv, capture_output=True, check=False, text=True)
    return done.stdout if done.stdout.startswith("2") else None
