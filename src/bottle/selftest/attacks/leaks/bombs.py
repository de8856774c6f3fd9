"""Decompression bombs."""

import gzip
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import body, left

_END = 200  # bytes, whose arrival shows that all has come


@attack(
    aim="secrets",
    source="CWE-409, improper handling of highly compressed data",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Hides secrets behind so many compressed zeros that a scan may give up or run out of memory."""
    for what in ("gzip", "gzip in gzip", "deflate"):
        yield what, partial(_behind_zeros, aim, what)


def _behind_zeros(aim: Any, kind: str) -> str | None:
    stream = zlib.compressobj(wbits=31 if kind.startswith("gzip") else 15)
    zeros = b"\0" * 1024 * 1024
    made = [stream.compress(zeros) for _ in range(aim["expansion"] // len(zeros))]
    form = b"".join(made) + stream.compress(aim["word"].encode()) + stream.flush()
    name = b"deflate" if kind == "deflate" else b"gzip"
    if kind == "gzip in gzip":
        form, name = gzip.compress(form), b"gzip, gzip"
    return left(aim, body(form[-_END:], form, b"Content-Encoding: " + name + b"\r\n"))
