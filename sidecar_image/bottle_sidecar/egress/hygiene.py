"""What a well-formed HTTP message looks like here, and which headers stop at the proxy. Pure.

Two parsers that disagree on where a message ends make request smuggling; so whatever could be read in
two ways is refused, not repaired. Hop-by-hop headers are this hop's business and are never forwarded.
"""

import re
from collections.abc import Iterable, Sequence

Fields = Sequence[tuple[bytes, bytes]]

MAX_HEAD = 64 * 1024  # bytes of a request's head
MAX_RESPONSE_HEAD = 256 * 1024
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [!-~]+ HTTP/1\.[01]")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_FRAMING = frozenset({b"host", b"content-length", b"transfer-encoding"})
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
        b"http2-settings",
        b"alt-svc",
    }
)
_WEBSOCKET = b"websocket"
_DEFLATE = b"permessage-deflate"


def head_problem(head: bytes) -> str | None:
    """Why the head of an HTTP/1 request, without its final empty line, is refused; None where it is not."""
    rest = head.replace(b"\r\n", b"")
    if b"\n" in rest or b"\r" in rest:
        return "a line does not end with CR LF"
    line, *lines = head.split(b"\r\n")
    if not _REQUEST_LINE.fullmatch(line):
        return "the request line is malformed"
    fields = []
    for header in lines:
        name, colon, value = header.partition(b":")
        if not colon or not _TOKEN.fullmatch(name):
            return "a header line is malformed"
        fields.append((name, value.strip(b" \t")))
    return fields_problem(fields) or framing_problem(fields, old=line.endswith(b"/1.0"))


def opening_problem(opening: bytes) -> str | None:
    """Why what came so far of a head cannot become a request."""
    if b"\n\n" in opening.replace(b"\r", b""):
        return "a line does not end with CR LF"
    line, end, _ = opening.partition(b"\r\n")
    return "the request line is malformed" if end and not _REQUEST_LINE.fullmatch(line) else None


def fields_problem(fields: Fields) -> str | None:
    """Why header fields are refused: names that are no tokens, control characters, disguised framing."""
    for name, value in fields:
        if not _TOKEN.fullmatch(name):
            return "a header name is malformed"
        if _BAD_VALUE.search(value):
            return "a header value has control characters"
        if b"_" in name and name.lower().replace(b"_", b"-") in _FRAMING:
            return "a framing header is spelled with an underscore"
    return None


def framing_problem(fields: Fields, *, old: bool) -> str | None:
    """Why a message's length is ambiguous. `old`: the message is HTTP/1.0, which has no chunks."""
    lengths = _values(fields, b"content-length")
    encodings = _values(fields, b"transfer-encoding")
    if lengths and encodings:
        return "it has both Content-Length and Transfer-Encoding"
    if len(lengths) > 1 or any(not _LENGTH.fullmatch(length) for length in lengths):
        return "its Content-Length is not one number"
    if encodings and (old or [encoding.lower() for encoding in encodings] != [b"chunked"]):
        return "its Transfer-Encoding is not chunked alone"
    nominated = _nominated(fields)
    if not nominated.isdisjoint(_FRAMING):
        return "its Connection header names a framing header"
    return None


def is_websocket_upgrade(method: str, fields: Fields) -> bool:
    """Whether a request asks for a WebSocket, and for nothing else."""
    return (
        method == "GET"
        and [value.lower() for value in _values(fields, b"upgrade")] == [_WEBSOCKET]
        and b"upgrade" in _nominated(fields)
        and _values(fields, b"sec-websocket-version") == [b"13"]
        and len(_values(fields, b"sec-websocket-key")) == 1
    )


def forwarded(fields: Fields, *, websocket: bool) -> list[tuple[bytes, bytes]]:
    """The fields that go on to the other side; `websocket` keeps (or makes) the upgrade.

    `Connection: close` stays, since it also tells our own side to close.
    """
    nominated = _nominated(fields)
    dropped = _HOP_BY_HOP | (nominated - _FRAMING)
    kept = [(name, value) for name, value in fields if name.lower() not in dropped]
    if _values(fields, b"te") and b"trailers" in _tokens(_values(fields, b"te")):
        kept.append((b"te", b"trailers"))
    if websocket:
        kept = [field for field in (_known_extensions(*field) for field in kept) if field is not None]
        return [*kept, (b"Connection", b"Upgrade"), (b"Upgrade", _WEBSOCKET)]
    return [*kept, (b"Connection", b"close")] if b"close" in nominated else kept


def _known_extensions(name: bytes, value: bytes) -> tuple[bytes, bytes] | None:
    """Of WebSocket extensions only compression is understood here, so no other is negotiated."""
    if name.lower() != b"sec-websocket-extensions":
        return name, value
    offers = [offer.strip() for offer in value.split(b",")]
    known = [offer for offer in offers if offer.split(b";", 1)[0].strip().lower() == _DEFLATE]
    return (name, b", ".join(known)) if known else None


def _values(fields: Fields, wanted: bytes) -> list[bytes]:
    return [value for name, value in fields if name.lower() == wanted]


def _nominated(fields: Fields) -> frozenset[bytes]:
    return _tokens(_values(fields, b"connection"))


def _tokens(values: Iterable[bytes]) -> frozenset[bytes]:
    return frozenset(token.strip().lower() for value in values for token in value.split(b","))
