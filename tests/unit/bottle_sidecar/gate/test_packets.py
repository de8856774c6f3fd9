import asyncio
from io import BytesIO

import pytest

from bottle_sidecar.gate import packets
from bottle_sidecar.gate.packets import PacketError


def read(data: bytes, limit: int = 100) -> list[bytes]:
    source = BytesIO(data)

    async def exactly(size: int) -> bytes:
        found = source.read(size)
        if len(found) < size:
            raise EOFError
        return found

    return list(asyncio.run(packets.until_flush(exactly, limit)))


def test_a_packet_carries_its_length() -> None:
    assert packets.packet(b"a\n") == b"0006a\n"
    assert read(packets.packet(b"one") + packets.packet(b"two") + b"0000rest") == [b"one", b"two"]


@pytest.mark.parametrize("data", [b"zzzz", b"0001", b"0003", b"0004", b"fffe" + b"x" * 70000])
def test_what_is_no_packet(data: bytes) -> None:
    with pytest.raises(PacketError):
        read(data, limit=100_000)


@pytest.mark.parametrize("data", [b"", b"00", b"0008ab", b"0006ab"])
def test_a_stream_that_ends_early(data: bytes) -> None:
    with pytest.raises(EOFError):
        read(data)


def test_orders_have_an_end() -> None:
    with pytest.raises(PacketError, match="more than 100 bytes of orders"):
        read(packets.packet(b"x" * 20) * 6 + b"0000")


def test_a_band_is_cut_into_packets() -> None:
    cut = list(packets.banded(2, b"x" * 100_000))

    assert [len(piece) for piece in cut] == [65515, 100_000 - 65510 + 5]
    assert all(piece[4:5] == b"\2" and int(piece[:4], 16) == len(piece) for piece in cut)
