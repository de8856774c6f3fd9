"""Encodings are undone however they are cut and stacked, in small pieces, and bombs with them."""

import gzip
import zlib
from collections.abc import Iterable

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bottle_sidecar.egress.decoding import PIECE, Decoder, Unpacker, UnreadableBodyError, decoders

PLAIN = b"some words and 12345, again and again, " * 300


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


PACKED = {
    "gzip": gzip.compress(PLAIN),
    "x-gzip": gzip.compress(PLAIN[:9]) + gzip.compress(PLAIN[9:]),
    "deflate": zlib.compress(PLAIN),
    "Deflate": raw_deflate(PLAIN),
    "br": brotli.compress(PLAIN),
    "zstd": zstandard.compress(PLAIN[:5000]) + zstandard.compress(PLAIN[5000:]),
    "identity": PLAIN,
    "": PLAIN,
    "gzip, br": brotli.compress(gzip.compress(PLAIN)),
    "zstd,deflate,gzip": gzip.compress(zlib.compress(zstandard.compress(PLAIN))),
}
ZEROS = bytes(64 * 1024 * 1024)
BOMBS = {
    "gzip": gzip.compress(ZEROS),
    "deflate": zlib.compress(ZEROS),
    "br": brotli.compress(ZEROS, quality=5),
    "zstd": zstandard.compress(ZEROS),
}


def unpacked(undo: Iterable[Decoder], data: bytes, size: int) -> bytes:
    unpacker = Unpacker(list(undo))
    pieces = [
        piece for start in range(0, len(data), size) for piece in unpacker.feed(data[start : start + size])
    ]
    return b"".join([*pieces, *unpacker.finish()])


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("encoding", PACKED)
def test_declared(encoding: str, size: int) -> None:
    assert unpacked(decoders(encoding), PACKED[encoding], size) == PLAIN


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100_000])
@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_undeclared(encoding: str, size: int) -> None:
    assert unpacked([], PACKED[encoding], size) == PLAIN
    assert unpacked(decoders("br"), brotli.compress(PACKED[encoding]), size) == PLAIN


@given(st.binary(max_size=60), st.integers(1, 9))
def test_what_is_not_compressed_stays(data: bytes, size: int) -> None:
    if not data.startswith((b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd")):
        assert unpacked([], data, size) == data


def test_it_is_idle_once_nothing_is_to_undo() -> None:
    unpacker = Unpacker([])
    assert not unpacker.idle
    assert list(unpacker.feed(b"{")) == [b"{"]
    assert unpacker.idle


def test_an_undeclared_one_that_breaks_off_is_none() -> None:
    unpacker = Unpacker([])
    assert b"".join(unpacker.feed(PACKED["zstd"][:40])) == b""
    assert list(unpacker.feed(b"\xff" * 100)) == []
    assert unpacker.idle
    assert list(unpacker.feed(b"as it is")) == [b"as it is"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_declared_one_that_is_broken_is_an_error(encoding: str) -> None:
    with pytest.raises(UnreadableBodyError):
        unpacked(decoders(encoding), b"\xff" * 400, 100)


def test_an_unknown_one_is_an_error() -> None:
    with pytest.raises(UnreadableBodyError, match="not known"):
        decoders("gzip, compress")


@pytest.mark.parametrize("encoding", BOMBS)
def test_a_bomb_comes_in_pieces(encoding: str) -> None:
    (decoder,) = decoders(encoding)
    sizes = [len(piece) for piece in decoder.feed(BOMBS[encoding])]
    assert sum(sizes) == len(ZEROS)
    assert max(sizes) <= 4 * PIECE


def test_what_follows_a_deflate_stream_is_not_kept() -> None:
    (decoder,) = decoders("deflate")
    assert b"".join(decoder.feed(zlib.compress(b"x"))) == b"x"
    for _ in range(3):
        assert b"".join(decoder.feed(b"trailing")) == b""
