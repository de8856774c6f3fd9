"""Undoes content encodings piece by piece, in bounded memory.

What one chunk expands to is never whole in memory: decoders give pieces of about `PIECE` bytes at most,
and whoever takes them decides how many are too many.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import brotli  # type: ignore[import-untyped]
import zstandard

PIECE = 1024 * 1024  # bytes
MAX_EXPANSION = 64 * 1024 * 1024  # decompressed bytes that one received chunk may become
_ZSTANDARD_SLICE = 64  # bytes of input; a block of 4 may become 128 KiB
_ZSTANDARD_WINDOW = 8 * 1024 * 1024  # bytes; what RFC 9659 allows in HTTP


class UnreadableBodyError(Exception):
    """A body that cannot be looked into: broken, in an unknown encoding, or a decompression bomb."""


class Decoder(Protocol):
    """Undoes one content encoding, chunk by chunk. Both raise UnreadableBodyError."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...

    def finish(self) -> Iterator[bytes]: ...


class _Gzip:
    """One gzip member after another."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield from _inflated(self._stream, data)
        while self._stream.eof and self._stream.unused_data:
            rest = self._stream.unused_data
            self._stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
            yield from _inflated(self._stream, rest)

    def finish(self) -> Iterator[bytes]:
        yield self._stream.flush()


class _Deflate:
    """The zlib format or, as some peers send it, the bare stream; the first two bytes tell."""

    def __init__(self) -> None:
        self._start = b""
        self._stream: zlib._Decompress | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            self._start += data
            if len(self._start) < 2:
                return
            data = self._start
            wrapped = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        if not self._stream.eof:  # what follows the end would be kept by the library
            yield from _inflated(self._stream, data)

    def finish(self) -> Iterator[bytes]:
        yield b"" if self._stream is None else self._stream.flush()


def _inflated(stream: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    try:
        piece = stream.decompress(data, PIECE)
        yield piece
        while stream.unconsumed_tail or len(piece) == PIECE:
            piece = stream.decompress(stream.unconsumed_tail, PIECE)
            yield piece
    except zlib.error as error:
        raise UnreadableBodyError(_BROKEN) from error


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            piece = bytes(self._stream.process(data, output_buffer_limit=PIECE))
            yield piece
            while len(piece) >= PIECE or not self._stream.can_accept_more_data():
                piece = bytes(self._stream.process(b"", output_buffer_limit=PIECE))
                yield piece
        except brotli.error as error:
            raise UnreadableBodyError(_BROKEN) from error

    def finish(self) -> Iterator[bytes]:
        yield b""


class _Zstandard:
    """The library has no limit on what a call gives, so it is given little at a time."""

    def __init__(self) -> None:
        decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTANDARD_WINDOW)
        self._stream = decompressor.decompressobj(read_across_frames=True)

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            for start in range(0, len(data), _ZSTANDARD_SLICE):
                yield self._stream.decompress(data[start : start + _ZSTANDARD_SLICE])
        except zstandard.ZstdError as error:
            raise UnreadableBodyError(_BROKEN) from error

    def finish(self) -> Iterator[bytes]:
        yield b""


_BROKEN = "its compressed body is broken"
_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstandard,
}
_MAGIC: tuple[tuple[bytes, Callable[[], Decoder]], ...] = (
    (b"\x1f\x8b\x08", _Gzip),
    (b"\x28\xb5\x2f\xfd", _Zstandard),
)


def decoders(encoding: str) -> list[Decoder]:
    """What undoes a Content-Encoding, in order. Raises UnreadableBodyError for one that is not known."""
    names = [name.strip().lower() for name in encoding.split(",") if name.strip()]
    wanted = [name for name in reversed(names) if name != "identity"]
    try:
        return [_DECODERS[name]() for name in wanted]
    except KeyError:
        raise UnreadableBodyError("its content encoding is not known") from None


def decoded(undo: Sequence[Decoder], data: bytes) -> bytes:
    """`data` without its encodings; empty `data` is the end of the body. Raises UnreadableBodyError."""
    if not undo:
        return data
    plain = bytearray()
    for piece in _pieces(undo, data, last=not data):
        plain += piece
        if len(plain) > MAX_EXPANSION:
            raise UnreadableBodyError("a compressed chunk expands beyond all measure")
    return bytes(plain)


def _pieces(undo: Sequence[Decoder], data: bytes, *, last: bool) -> Iterator[bytes]:
    if not undo:
        yield data
        return
    decoder, *further = undo
    for piece in decoder.feed(data) if data else ():
        yield from _pieces(further, piece, last=False)
    if last:
        for piece in decoder.finish():
            yield from _pieces(further, piece, last=True)


class Unpacker:
    """Undoes the encodings of one body: the declared ones, and below them those that the first bytes tell.

    What is compressed without a declaration is a compressed file, or meant to look like one. It is
    undone as far as it can be; where it breaks off, the rest counts as no encoding at all.
    """

    def __init__(self, declared: Sequence[Decoder]) -> None:
        self._declared = len(declared)
        self._layers: list[Decoder] = list(declared)
        self._start: bytes | None = b""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to undo: what comes out is what goes in."""
        return self._start is None and not self._layers

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises UnreadableBodyError where a declared encoding is broken."""
        for plain in self._through(0, self._declared, data):
            yield from self._sniff(plain)

    def finish(self) -> Iterator[bytes]:
        """Raises UnreadableBodyError where a declared encoding is broken."""
        for depth in range(self._declared):
            for rest in self._layers[depth].finish():
                for plain in self._through(depth + 1, self._declared, rest):
                    yield from self._sniff(plain)
        if self._start:
            yield self._start

    def _through(self, depth: int, end: int, data: bytes) -> Iterator[bytes]:
        if depth == end:
            if data:
                yield data
            return
        for piece in self._layers[depth].feed(data):
            yield from self._through(depth + 1, end, piece)

    def _sniff(self, data: bytes) -> Iterator[bytes]:
        if self._start is not None:
            self._start += data
            if any(len(self._start) < len(magic) and magic.startswith(self._start) for magic, _ in _MAGIC):
                return
            data, self._start = self._start, None
            self._layers += _undeclared(data)
        try:
            yield from self._through(self._declared, len(self._layers), data)
        except UnreadableBodyError:
            del self._layers[self._declared :]


def _undeclared(start: bytes) -> list[Decoder]:
    return next(([kind()] for magic, kind in _MAGIC if start.startswith(magic)), [])
