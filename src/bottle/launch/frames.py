"""What a session and an attached client say to each other on the session's socket. No I/O here.

A frame is a kind (1 byte), the length of the payload (4 bytes, big-endian), and the payload. The client's
first frame is Hello; then it sends Data (typed bytes) and Resize. The session sends Data (output) and,
when the agent has ended, Exit.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum

from attrs import frozen

from bottle.terminal import TerminalSize

VERSION = 1
MAX_PAYLOAD = 65536
_HEADER = struct.Struct("!BI")
_HELLO = struct.Struct("!BHH")
_SIZE = struct.Struct("!HH")
_STATUS = struct.Struct("!B")


class FrameError(Exception):
    """The other side does not speak this protocol, or not this version of it."""


@frozen
class Hello:
    size: TerminalSize


@frozen
class Data:
    data: bytes


@frozen
class Resize:
    size: TerminalSize


@frozen
class Exit:
    """`status`: 0 to 255."""

    status: int


Frame = Hello | Data | Resize | Exit


class _Kind(IntEnum):
    HELLO = 1
    DATA = 2
    RESIZE = 3
    EXIT = 4


def encode(frame: Frame) -> bytes:
    """One frame; Data longer than MAX_PAYLOAD becomes several."""
    match frame:
        case Hello(size):
            return _framed(_Kind.HELLO, _HELLO.pack(VERSION, *_fields(size)))
        case Resize(size):
            return _framed(_Kind.RESIZE, _SIZE.pack(*_fields(size)))
        case Exit(status):
            return _framed(_Kind.EXIT, _STATUS.pack(status & 0xFF))
        case Data(data):
            parts = range(0, len(data), MAX_PAYLOAD)
            return b"".join(_framed(_Kind.DATA, data[start : start + MAX_PAYLOAD]) for start in parts)


class FrameReader:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that `data` completes. Raises FrameError at garbage; the stream is then of no use."""
        self._pending += data
        while len(self._pending) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._pending)
            if kind not in _Kind.__members__.values() or length > MAX_PAYLOAD:
                raise FrameError("not a frame")
            end = _HEADER.size + length
            if len(self._pending) < end:
                return
            payload = bytes(self._pending[_HEADER.size : end])
            del self._pending[:end]
            yield _decode(_Kind(kind), payload)


def _decode(kind: _Kind, payload: bytes) -> Frame:
    try:
        match kind:
            case _Kind.DATA:
                return Data(payload)
            case _Kind.RESIZE:
                return Resize(_size(*_SIZE.unpack(payload)))
            case _Kind.EXIT:
                return Exit(*_STATUS.unpack(payload))
            case _Kind.HELLO:
                return _hello(*_HELLO.unpack(payload))
    except struct.error:
        raise FrameError(f"malformed {kind.name} frame") from None


def _hello(version: int, rows: int, columns: int) -> Hello:
    if version != VERSION:
        raise FrameError(f"protocol version {version}; this program speaks {VERSION}")
    return Hello(_size(rows, columns))


def _framed(kind: _Kind, payload: bytes) -> bytes:
    return _HEADER.pack(kind, len(payload)) + payload


def _fields(size: TerminalSize) -> tuple[int, int]:
    return min(size.rows, 0xFFFF), min(size.columns, 0xFFFF)


def _size(rows: int, columns: int) -> TerminalSize:
    if not rows or not columns:
        raise FrameError("a terminal without rows or columns")
    return TerminalSize(rows=rows, columns=columns)
