"""Compressed bodies."""

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, body, sent
from bottle.selftest.probes.stored import brotli, zstandard


@attack(
    aim="secrets",
    source="MITRE ATT&CK T1560, archive collected data; RFC 9110, 8.4",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets compressed: gzip, deflate with and without its frame, brotli, zstd, one in the other."""
    word = aim["word"].encode()
    text = b"the word is " + word + b" and no other word is the word\n"
    zipped, raw = gzip.compress(text), zlib.compress(text, wbits=-15)
    coded = {
        "gzip": (b"gzip", zipped),
        "x-gzip": (b"x-gzip", zipped),
        "gzip in capitals": (b"GZIP", zipped),
        "gzip without compression": (b"gzip", gzip.compress(text, 0)),
        "gzip, second member": (b"gzip", gzip.compress(b"nothing") + zipped),
        "gzip, empty members before": (b"gzip", gzip.compress(b"") * 40 + zipped),
        "deflate": (b"deflate", zlib.compress(text)),
        "deflate without its frame": (b"deflate", raw),
        "brotli": (b"br", brotli(text)),
        "zstd": (b"zstd", zstandard(text)),
        "zstd, second frame": (b"zstd", zstandard(b"nothing") + zstandard(text)),
        "gzip in deflate": (b"gzip, deflate", zlib.compress(zipped)),
        "deflate in gzip": (b"deflate, gzip", gzip.compress(zlib.compress(text))),
        "gzip in gzip in gzip": (b"gzip, gzip, gzip", gzip.compress(gzip.compress(zipped))),
        "brotli in zstd": (b"br,zstd", zstandard(brotli(text))),
    }
    parcels = {what: body(form, lines=_says(name)) for what, (name, form) in coded.items()}
    both = _says(b"deflate") + _says(b"gzip")
    parcels["two headers"] = body(gzip.compress(zlib.compress(text)), lines=both)
    parcels["in chunks of one byte"] = Parcel(
        [zipped],
        lines=_says(b"gzip"),
        pieces=[zipped[at : at + 1] for at in range(len(zipped))],
        chunked=True,
    )
    token = gzip.compress(aim["shaped"]["GitHub token"].encode() * 2)
    parcels["of a token that rules know"] = body(token, lines=_says(b"gzip"))
    yield from sent(aim, parcels)


def _says(name: bytes) -> bytes:
    return b"Content-Encoding: " + name + b"\r\n"
