"""A WebSocket written by hand, for what no library would send; goes into a bottle with the attacks."""

import os
import struct
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from bottle.selftest.probes.parcels import SECONDS, arrived, connected

CONTINUED, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_UPGRADE = (
    "GET /leak/{number} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
_QUIET = 0.3  # seconds without an answer


def frame(kind: int, data: bytes, *, last: bool = True, compressed: bool = False) -> bytes:
    first = kind | (0x80 if last else 0) | (0x40 if compressed else 0)
    size = len(data)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
    mask = os.urandom(4)
    return bytes([first]) + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


def deflated(*texts: bytes) -> list[bytes]:
    """Messages as the extension has them: one stream for all, each ended by a flush."""
    stream = zlib.compressobj(wbits=-15)
    return [(stream.compress(text) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4] for text in texts]


def left(aim: Any, forms: Sequence[bytes], frames: Sequence[bytes], pause: float = 0.0) -> str | None:
    """Sends the frames one by one; whether all forms came."""
    number = os.urandom(6).hex()
    with suppress(OSError), connected(aim, aim["host"]) as stream:
        stream.sendall(_UPGRADE.format(number=number, host=aim["host"]).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += stream.recv(4096) or b"\r\n\r\n"
        if b" 101 " in answer:
            for one in (*frames, frame(PING, b"end")):
                stream.sendall(one)
                time.sleep(pause)
            _await_end(stream)
    return arrived(aim, number, forms)


def _await_end(stream: Any) -> None:
    """The pong to our last ping, the end of the connection, or nothing for a while."""
    stream.settimeout(_QUIET)
    received, end = b"", time.monotonic() + SECONDS
    while b"\x8a\x03end" not in received and time.monotonic() < end:
        data = stream.recv(65536)
        if not data:
            return
        received += data
