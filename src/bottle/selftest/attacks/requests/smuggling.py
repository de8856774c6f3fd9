"""Request smuggling."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import DENIED, HOST, Shot, fire

_SMUGGLED = b"GET /v1/forbidden HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n"


@attack(
    aim="proxy",
    source="J. Kettle, HTTP Desync Attacks, 2019; RFC 9112, 11.2",
    expects="refused with 400",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Hides a request in another, by lengths, encodings and line ends that parsers read differently."""
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


def _post(*lines: bytes) -> bytes:
    return (
        b"POST /v1 HTTP/1.1\r\nHost: " + HOST + b"\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    )
