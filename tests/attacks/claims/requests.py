"""The sidecar passes on to a granted host nothing but what its route allows, and nothing but HTTP."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from attacks.kit import Attempt, attack
from attacks.shots import DENIED, HOST, Shot, attempts, fire, get


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
    yield from attempts(aim, shots)


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
