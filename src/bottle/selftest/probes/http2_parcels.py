"""HTTP/2 written by hand, for what no library would send; goes into a bottle with the attacks."""

import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bottle.selftest.probes.parcels import arrived, connected

DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, CONTINUATION = 0, 1, 3, 4, 7, 9
END_STREAM, END_HEADERS, PADDED, ACK = 1, 4, 8, 1
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NEVER_INDEXED, INDEXED = 0x10, 0x40


@dataclass(frozen=True)
class Request:
    """`fields` come after the four that every request has, `late` ones after `data`, a DATA frame each.

    `pad`: bytes of padding in each of them. `split`: the header block is cut into frames of so many bytes.
    """

    forms: Sequence[bytes]
    path: bytes = b""
    fields: Sequence[tuple[bytes, bytes]] = ()
    data: Sequence[bytes] = ()
    late: Sequence[tuple[bytes, bytes]] = ()
    pad: int = 0
    split: int = 16000
    literal: int = NEVER_INDEXED

    def frames(self, number: str, host: str) -> bytes:
        head = [
            (b":method", b"POST" if self.data else b"GET"),
            (b":scheme", b"https"),
            (b":authority", host.encode()),
            (b":path", f"/leak/{number}".encode() + self.path),
            *self.fields,
        ]
        last = not self.data and not self.late
        sent = self._block(head, end=last)
        for at, piece in enumerate(self.data):
            end = at == len(self.data) - 1 and not self.late
            padding = bytes([self.pad]) if self.pad else b""
            flags = (END_STREAM if end else 0) | (PADDED if self.pad else 0)
            sent += frame(DATA, padding + piece + b"\0" * self.pad, flags)
        return sent + (self._block(self.late, end=True) if self.late else b"")

    def _block(self, fields: Sequence[tuple[bytes, bytes]], *, end: bool) -> bytes:
        block = b"".join(
            bytes([self.literal]) + _text(name) + _text(value) for name, value in fields
        )  # fmt: skip
        parts = [block[at : at + self.split] for at in range(0, len(block), self.split)]
        sent = b""
        for at, part in enumerate(parts):
            flags = END_HEADERS if at == len(parts) - 1 else 0
            sent += (
                frame(CONTINUATION, part, flags) if at else frame(HEADERS, part, flags | (END_STREAM * end))
            )
        return sent


def _text(data: bytes) -> bytes:
    """A string literal without Huffman's code."""
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, length = len(data) - 127, b"\x7f"
    while rest >= 128:
        length, rest = length + bytes([rest % 128 + 128]), rest // 128
    return length + bytes([rest]) + data


def frame(kind: int, payload: bytes, flags: int = 0, stream: int = 1) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def left(aim: Any, request: Request) -> str | None:
    """Sends it; whether all of its forms came."""
    number = os.urandom(6).hex()
    with suppress(OSError), connected(aim, aim["host"], "h2") as stream:
        if stream.selected_alpn_protocol() != "h2":
            raise RuntimeError("the proxy speaks no HTTP/2")
        stream.sendall(_PREFACE + frame(SETTINGS, b"", stream=0) + request.frames(number, aim["host"]))
        _await_end(stream)
    return arrived(aim, number, request.forms)


def _await_end(stream: Any) -> None:
    received = b""
    while data := stream.recv(65536):
        received += data
        while len(received) >= 9 and len(received) >= 9 + int.from_bytes(received[:3], "big"):
            size, kind, flags = int.from_bytes(received[:3], "big"), received[3], received[4]
            received = received[9 + size :]
            if kind == SETTINGS and not flags & ACK:
                stream.sendall(frame(SETTINGS, b"", ACK, stream=0))
            if kind in (RST_STREAM, GOAWAY) or (kind in (DATA, HEADERS) and flags & END_STREAM):
                return
