"""The server's half of RFC 6455, without extensions."""

import base64
import hashlib
from io import BufferedIOBase

from attrs import frozen

_KEY_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE, _PING, _PONG = 8, 9, 10


def accept_key(key: str) -> str:
    """The `Sec-WebSocket-Accept` that answers a client's key."""
    return base64.b64encode(hashlib.sha1(key.encode() + _KEY_SUFFIX).digest()).decode()


@frozen
class WebSocket:
    reader: BufferedIOBase
    writer: BufferedIOBase

    def receive(self) -> bytes | None:
        """One whole message; None when the peer is gone. Answers pings."""
        message = b""
        while head := self.reader.read(2):
            opcode = head[0] & 0x0F
            chunk = self._payload(head[1])
            if opcode == _CLOSE:
                self.send(chunk, _CLOSE)
                return None
            if opcode == _PING:
                self.send(chunk, _PONG)
            elif opcode != _PONG:
                message += chunk
                if head[0] & 0x80:
                    return message
        return None

    def send(self, data: bytes, opcode: int = 1) -> None:
        size = len(data)
        if size < 126:
            length = bytes([size])
        elif size < 65536:
            length = b"\x7e" + size.to_bytes(2, "big")
        else:
            length = b"\x7f" + size.to_bytes(8, "big")
        self.writer.write(bytes([0x80 | opcode]) + length + data)
        self.writer.flush()

    def _payload(self, length: int) -> bytes:
        size = length & 0x7F
        if size >= 126:
            size = int.from_bytes(self.reader.read(2 if size == 126 else 8), "big")
        mask = self.reader.read(4) if length & 0x80 else bytes(4)
        data = self.reader.read(size)
        pad = (mask * (size // 4 + 1))[:size]
        return (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
