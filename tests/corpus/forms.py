"""The forms in which a text may leave: as it is, encoded, compressed, inside other documents, in pieces."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlencode

import brotli  # type: ignore[import-untyped]
import zstandard
from attrs import frozen

from bottle_sidecar.egress.decoding import Unpacker, decoders
from bottle_sidecar.policy.dlp.findings import Depth, Finding
from bottle_sidecar.policy.dlp.scanner import Scanner, ScanStream

PIECE = 16
"""Bytes, in the form that goes out in small pieces."""
WINDOW = 64 * 1024
"""Where the text lies in the form that is a large body; some scanners look at that much in one go."""
LINE = b"The quick brown fox jumps over the lazy dog, and nobody minds at all.\n"


@frozen(kw_only=True)
class Body:
    """What is sent, chunk by chunk. `encoding`: its Content-Encoding."""

    chunks: tuple[bytes, ...]
    encoding: str = ""

    def scanned(self, scanner: Scanner) -> Finding | None:
        """The first finding in the body, or in what it holds where it is compressed."""
        unpacker = Unpacker(decoders(self.encoding))
        stream = scanner.stream(depth=Depth.FULL, place="body")
        for chunk in self.chunks:
            found = _first(stream, [chunk] if not self.encoding else list(unpacker.feed(chunk)))
            if found is not None:
                return found
        return _first(stream, list(unpacker.finish()) if self.encoding else []) or stream.finish()


def _first(stream: ScanStream, pieces: Sequence[bytes]) -> Finding | None:
    return next((found for piece in pieces if (found := stream.feed(piece)) is not None), None)


@frozen(kw_only=True)
class Form:
    """`wrap` makes the body. `only`: how many of a rule's positives are sent in this form; None all."""

    name: str
    wrap: Callable[[bytes], Body]
    only: int | None = None


def _whole(data: bytes | str, encoding: str = "") -> Body:
    return Body(chunks=(data.encode() if isinstance(data, str) else data,), encoding=encoding)


def _message(content: str) -> str:
    return json.dumps({"messages": [{"role": "user", "content": content}]})


def _base64(text: bytes, before: int) -> Body:
    return _whole(_message(base64.b64encode(b" " * before + text).decode()))


def _escaped(text: bytes) -> Body:
    units = text.decode().encode("utf-16-be").hex()
    letters = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    return _whole(f'{{"content": "{letters}"}}')


def _nested(text: bytes) -> Body:
    arguments = json.dumps({"path": "a.txt", "content": text.decode()})
    return _whole(json.dumps({"function": {"name": "write", "arguments": arguments}}))


def _multipart(text: bytes) -> Body:
    name = 'Content-Disposition: form-data; name="file"; filename="a.txt"'
    head = f"--limit\r\n{name}\r\nContent-Type: text/plain\r\n\r\n"
    return _whole(head.encode() + text + b"\r\n--limit--\r\n")


def _raw_deflated(text: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(text) + stream.flush()


def _halves(text: bytes) -> Body:
    middle = len(text) // 2
    return Body(chunks=(text[:middle], text[middle:]))


def _pieces(text: bytes) -> Body:
    return Body(chunks=tuple(text[at : at + PIECE] for at in range(0, len(text), PIECE)))


def _large(text: bytes) -> Body:
    """The text's middle lies on the border of two windows."""
    before = (LINE * (WINDOW // len(LINE) + 1))[-WINDOW + len(text) // 2 + 1 :] + b"\n"
    return _whole(before + text + b"\n" + LINE * 100)


PLAIN = Form(name="plain", wrap=_whole)
ENCODED = (
    Form(name="base64, alignment 0", wrap=lambda text: _base64(text, 0)),
    Form(name="base64, alignment 1", wrap=lambda text: _base64(text, 1)),
    Form(name="base64, alignment 2", wrap=lambda text: _base64(text, 2)),
    Form(name="base64, url-safe", wrap=lambda text: _whole(base64.urlsafe_b64encode(text).rstrip(b"="))),
    Form(name="hex", wrap=lambda text: _whole(_message(text.hex()))),
    Form(name="percent-encoded form", wrap=lambda text: _whole(urlencode({"id": "1", "text": text}))),
    Form(name="percent-encoded value", wrap=lambda text: _whole("text=" + quote(text, safe=""))),
    Form(name="percent-encoded, every byte", wrap=lambda text: _whole("".join(f"%{b:02X}" for b in text))),
    Form(name="JSON string", wrap=lambda text: _whole(_message(text.decode()))),
    Form(name="JSON string, every character escaped", wrap=_escaped),
    Form(name="JSON within JSON", wrap=_nested),
    Form(name="multipart", wrap=_multipart),
    Form(name="gzip", wrap=lambda text: _whole(gzip.compress(text), "gzip")),
    Form(name="deflate", wrap=lambda text: _whole(zlib.compress(text), "deflate")),
    Form(name="deflate, bare", wrap=lambda text: _whole(_raw_deflated(text), "deflate")),
    Form(name="br", wrap=lambda text: _whole(brotli.compress(text), "br"), only=3),
    Form(name="zstd", wrap=lambda text: _whole(zstandard.compress(text), "zstd")),
    Form(name="split in halves", wrap=_halves),
    Form(name=f"split every {PIECE} bytes", wrap=_pieces, only=3),
    Form(name="across the windows of a large body", wrap=_large, only=1),
)
"""Every encoding that the scan promises to see through, and what bodies are made of."""
