"""The end of long uploads."""

import gzip
import os
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, left

_PIECE = 32 * 1024
_SIZE = 1024 * 1024


@attack(
    aim="secrets",
    source="MITRE ATT&CK T1048; ModSecurity, SecRequestBodyLimitAction (ProcessPartial)",
    expects="it does not reach the server whole",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets in the last bytes of a megabyte of noise, at borders of 64 KB, and behind few bytes."""
    for what in ("announced", "chunked", "gzip", "in TLS"):
        yield what, partial(_at_the_end, aim, what)
    for before in (65536 - 10, 2 * 65536 - 10, 65536 - 8192 - 10, 16384 - 10):
        yield f"over byte {before + 10}", partial(_over_border, aim, before)


def _at_the_end(aim: Any, how: str) -> str | None:
    noise, word = os.urandom(_SIZE), aim["word"].encode()
    whole = noise + b" " + word + b" " * 70
    if how == "gzip":
        whole = gzip.compress(whole)
        form, lines = whole[-200:], b"Content-Encoding: gzip\r\n"
    else:
        form, lines = word, b""
    pieces = [whole[at : at + _PIECE] for at in range(0, len(whole), _PIECE)]
    return left(
        aim, Parcel([form], lines=lines, pieces=pieces, chunked=how == "chunked", tls=how == "in TLS")
    )


def _over_border(aim: Any, before: int) -> str | None:
    word = aim["word"].encode()
    return left(
        aim, Parcel([word], pieces=[b"words and " * (before // 10) + b"-" * (before % 10) + word + b"\n"])
    )
