"""Compression that is not what it is said to be."""

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import body, sent
from bottle.selftest.probes.stored import zstandard

_GZIP = b"Content-Encoding: gzip\r\n"


@attack(
    aim="secrets",
    source="RFC 1952, 2.3.1; RFC 8878, 3.1.2; A. Albertini, Corkami (files of two formats)",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Compresses without saying so, says so without compressing, hides secrets in what decoders skip."""
    word = aim["word"].encode()
    text = b"the word is " + word + b" and no other word is the word\n"
    zipped, raw = gzip.compress(text), zlib.compress(text, wbits=-15)
    wrong, unknown = (b"Content-Encoding: %s\r\n" % aim[name].encode() for name in ("wrong", "unknown"))
    parcels = {
        "gzip undeclared": body(zipped),
        "gzip as a file": body(zipped, lines=b"Content-Type: application/octet-stream\r\n"),
        "zstd undeclared": body(zstandard(text)),
        "gzip as identity": body(zipped, lines=b"Content-Encoding: identity\r\n"),
        "gzip in a declared gzip": body(gzip.compress(zipped), lines=_GZIP),
        "plain as gzip": body(word, text, wrong),
        "an unknown encoding": body(raw, lines=unknown),
        "behind the end": body(word, gzip.compress(b"nothing") + word, wrong),
        "name of a file": body(word, _named(word), _GZIP),
        "a skippable frame": body(
            word, _skipped(word) + zstandard(b"nothing"), b"Content-Encoding: zstd\r\n"
        ),
        "behind deflate's end": body(
            word, zlib.compress(b"nothing") + word, b"Content-Encoding: deflate\r\n"
        ),
    }
    yield from sent(aim, parcels)


def _named(name: bytes) -> bytes:
    plain = gzip.compress(b"nothing", mtime=0)
    return plain[:3] + b"\x08" + plain[4:10] + name + b"\0" + plain[10:]


def _skipped(data: bytes) -> bytes:
    return b"\x50\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data
