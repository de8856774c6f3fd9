"""Git's pkt-lines: how a push's orders come in, and how an answer with side bands goes out.

See gitprotocol-common(5) and gitprotocol-pack(5).
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence

FLUSH = b"0000"
KEEP_ALIVE = b"0005\x01"
"""An empty packet of the answer's band, as git's own receive-pack sends where it takes long."""
_LONGEST = 65516  # bytes of data in one packet
_BAND = 65515 - 5  # bytes of data in one packet of a side band, with room for the band's number

Read = Callable[[int], Awaitable[bytes]]


class PacketError(Exception):
    """What came is no sequence of packets, or too long."""


def packet(data: bytes) -> bytes:
    return b"%04x%s" % (len(data) + 4, data)


def banded(band: int, data: bytes) -> Iterable[bytes]:
    """Packets of a side band: 1 is the answer, 2 is for the terminal, 3 is a fatal error."""
    for start in range(0, len(data), _BAND):
        yield packet(bytes([band]) + data[start : start + _BAND])


async def until_flush(read: Read, limit: int) -> Sequence[bytes]:
    """The packets up to a flush, of at most `limit` bytes. `read` gives exactly as many bytes as asked for.

    Raises PacketError, and whatever `read` raises where the stream ends early.
    """
    found: list[bytes] = []
    total = 0
    while True:
        header = await read(4)
        try:
            length = int(header, 16)
        except ValueError:
            raise PacketError("not a packet") from None
        if length == 0:
            return found
        total += length
        if not 4 < length <= _LONGEST + 4:
            raise PacketError("a packet of an impossible length")
        if total > limit:
            raise PacketError(f"more than {limit} bytes of orders: push fewer refs at once")
        found.append(await read(length - 4))
