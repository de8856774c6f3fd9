"""Messages with file descriptors over a unix stream socket: a length, then JSON."""

import array
import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any

_LENGTH = struct.Struct("!I")
_LONGEST = 64 * 1024 * 1024
_MOST_DESCRIPTORS = 8


def send(to: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    payload = json.dumps(message).encode("utf-8", "surrogatepass")
    socket.send_fds(to, [_LENGTH.pack(len(payload))], descriptors)
    to.sendall(payload)


def receive(source: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next message and its descriptors (closed on exec); None at the end of the stream."""
    descriptors: list[int] = []
    header = _receive(source, _LENGTH.size, descriptors)
    if not header:
        return None
    length = _LENGTH.unpack(header)[0]
    if length > _LONGEST:
        raise ValueError("message too long")
    message = json.loads(_receive(source, length, descriptors).decode("utf-8", "surrogatepass"))
    return message, descriptors


def _receive(source: socket.socket, size: int, descriptors: list[int]) -> bytes:
    """Exactly `size` bytes, or none where the stream ends before the first."""
    data = bytearray()
    space = socket.CMSG_LEN(_MOST_DESCRIPTORS * array.array("i").itemsize)
    while len(data) < size:
        part, ancillary, _, _ = source.recvmsg(size - len(data), space, socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                numbers = array.array("i")
                numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
                descriptors.extend(numbers)
        if not part:
            if not data:
                return b""
            for descriptor in descriptors:
                os.close(descriptor)
            raise EOFError("the stream ended within a message")
        data += part
    return bytes(data)
