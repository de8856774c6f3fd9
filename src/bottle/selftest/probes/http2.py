"""HTTP/2 as no library would write it: frames, and headers without any compression."""

import contextlib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, await_quiet
from bottle.selftest.probes.shots import HOST, SECONDS, opened

DATA, HEADERS, RESET, SETTINGS, PING, CONTINUATION = 0, 1, 3, 4, 6, 9
END_STREAM, END_HEADERS = 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD = 9  # bytes before a frame's payload
_SUCCESSES = b"\x88\x89\x8a"  # :status 200, 204 and 206 by their numbers in the static table

Fields = Sequence[tuple[bytes, bytes]]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


OPENING = PREFACE + frame(SETTINGS, 0, 0)


def _text(value: bytes) -> bytes:
    """A length with a prefix of seven bits, and the bytes themselves."""
    rest, length = len(value) - 127, b"\x7f"
    if rest < 0:
        return bytes((len(value),)) + value
    while rest >= 128:
        length += bytes((rest % 128 + 128,))
        rest //= 128
    return length + bytes((rest,)) + value


def block(fields: Fields) -> bytes:
    """Headers as literals that enter no table."""
    return b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields)


def head(path: bytes, host: bytes = HOST, *more: tuple[bytes, bytes], method: bytes = b"GET") -> Fields:
    return (
        (b":method", method), (b":scheme", b"https"), (b":authority", host), (b":path", path), *more
    )  # fmt: skip


def request(fields: Fields, stream: int = 1, flags: int = END_STREAM | END_HEADERS) -> bytes:
    return frame(HEADERS, flags, stream, block(fields))


def converse(proxy: tuple[str, int], sent: bytes, *, allowed: int = 0) -> str | None:
    """Sends frames behind the preface; tells when more than `allowed` requests are answered with success."""
    with contextlib.ExitStack() as stack:
        stream: Any = opened(stack, proxy, alpn=("h2",))
        if stream is None:
            return None
        with contextlib.suppress(ssl.SSLError):
            stream.sendall(OPENING + sent)
        answer = await_quiet(lambda: stream.recv(65536), SECONDS)
    found = successes(answer)
    return f"answered with success: streams {found}" if len(found) > allowed else None


def successes(answer: bytes) -> list[int]:
    """The streams that were answered so."""
    return [
        stream
        for kind, stream, payload in frames(answer)
        if kind == HEADERS and _status(payload) in _SUCCESSES
    ]


def _status(payload: bytes) -> bytes:
    """Its first byte; what comes before may set the size of the table."""
    return payload.lstrip(bytes(range(0x20, 0x40)))[:1] or b"\x00"


def frames(answer: bytes) -> Iterator[tuple[int, int, bytes]]:
    while len(answer) >= _HEAD:
        end = _HEAD + int.from_bytes(answer[:3], "big")
        yield answer[3], int.from_bytes(answer[5:9], "big"), answer[_HEAD:end]
        answer = answer[end:]


def exchanges(proxy: tuple[str, int], sent: Mapping[str, bytes], *, allowed: int = 0) -> Iterator[Attempt]:
    for what, data in sent.items():
        yield what, partial(converse, proxy, data, allowed=allowed)
