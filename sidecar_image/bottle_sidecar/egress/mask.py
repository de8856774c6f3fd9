"""Masks the bottle's secrets in what an upstream sends back: headers, streamed bodies, WebSocket messages.

A compressed body is decompressed on the way, since a secret cannot be seen in it otherwise.
"""

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import brotli  # type: ignore[import-untyped]
import zstandard
from mitmproxy import http

from bottle_sidecar.policy.masking import Masker, Needles

MAX_EXPANSION = 64 * 1024 * 1024  # decompressed bytes that one received chunk may become


class UnreadableBodyError(Exception):
    """A body that cannot be looked into: broken, in an unknown encoding, or a decompression bomb."""


class Decoder(Protocol):
    """Undoes one content encoding, chunk by chunk."""

    def feed(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class _Gzip:
    """One gzip member after another."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def feed(self, data: bytes) -> bytes:
        found = _decompressed(self._stream, data)
        while self._stream.eof and self._stream.unused_data and len(found) <= MAX_EXPANSION:
            rest = self._stream.unused_data
            self._stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
            found += _decompressed(self._stream, rest)
        return found

    def finish(self) -> bytes:
        return self._stream.flush()


class _Deflate:
    """The zlib format or, as some servers send it, the bare stream; the first two bytes tell."""

    def __init__(self) -> None:
        self._start = b""
        self._stream: zlib._Decompress | None = None

    def feed(self, data: bytes) -> bytes:
        if self._stream is None:
            self._start += data
            if len(self._start) < 2:
                return b""
            data = self._start
            wrapped = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        return _decompressed(self._stream, data)

    def finish(self) -> bytes:
        return b"" if self._stream is None else self._stream.flush()


def _decompressed(stream: "zlib._Decompress", data: bytes) -> bytes:
    found = stream.decompress(data, MAX_EXPANSION)
    if stream.unconsumed_tail:
        raise UnreadableBodyError("a compressed chunk expands beyond all measure")
    return found


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def feed(self, data: bytes) -> bytes:
        return bytes(self._stream.process(data))

    def finish(self) -> bytes:
        return b""


class _Zstandard:
    def __init__(self) -> None:
        self._stream = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj(
            read_across_frames=True
        )

    def feed(self, data: bytes) -> bytes:
        return self._stream.decompress(data)

    def finish(self) -> bytes:
        return b""


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstandard,
}


def decoders(encoding: str) -> list[Decoder]:
    """What undoes a Content-Encoding, in order. Raises UnreadableBodyError for one that is not known."""
    names = [name.strip().lower() for name in encoding.split(",") if name.strip()]
    wanted = [name for name in reversed(names) if name != "identity"]
    try:
        return [_DECODERS[name]() for name in wanted]
    except KeyError:
        raise UnreadableBodyError("the upstream's content encoding is not known") from None


def decoded(undo: Iterable[Decoder], data: bytes) -> bytes:
    """`data` without its encodings; empty `data` is the end of the body. Raises UnreadableBodyError."""
    plain = data
    try:
        for decoder in undo:
            rest = b"" if data else decoder.finish()
            plain = (decoder.feed(plain) if plain else b"") + rest
    except (zlib.error, brotli.error, zstandard.ZstdError) as error:
        raise UnreadableBodyError("the upstream's compressed body is broken") from error
    if len(plain) > MAX_EXPANSION:
        raise UnreadableBodyError("a compressed chunk expands beyond all measure")
    return plain


class BodyMask:
    """The `stream` of a response: takes what came, gives what may go on. Never an empty chunk."""

    def __init__(self, needles: Needles, undo: Sequence[Decoder] = ()) -> None:
        self._masker = Masker(needles)
        self._undo = undo

    def __call__(self, data: bytes) -> Iterable[bytes]:
        """An empty `data` is the end of the body. Raises UnreadableBodyError."""
        masked = self._masker.feed(decoded(self._undo, data))
        if not data:
            masked += self._masker.finish()
        return [masked] if masked else []


class ResponseMask:
    """Masks one bottle's secrets in responses."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._needles = Needles(secrets)
        self._whole = Masker(self._needles)

    def headers(self, headers: http.Headers) -> None:
        mask = self._whole.mask
        headers.fields = tuple((mask(name), mask(value)) for name, value in headers.fields)

    def body(self, response: http.Response) -> BodyMask:
        """A mask for the body, whose headers then tell the new length. Raises UnreadableBodyError."""
        undo = decoders(response.headers.get("content-encoding", ""))
        if undo:
            response.headers.pop("content-encoding", None)
            response.headers.pop("content-length", None)
            if response.is_http11:
                response.headers["transfer-encoding"] = "chunked"
        return BodyMask(self._needles, undo)

    def message(self, content: bytes) -> bytes:
        return self._whole.mask(content)
