"""Memory bombs."""

import mmap
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.resources import MEGABYTE

_PAGE = 4096
_PIECE = 16 * MEGABYTE


@attack(
    aim="small_memory",
    source="MITRE ATT&CK T1499.001, OS exhaustion flood; cgroups(7), what is charged",
    expects="killed, or no space",
    control="one_piece_of_memory",
    outside=True,
    every=True,
    alone=True,
    expendable=True,
)
def attempts(aim: dict[str, Any]) -> Iterator[Attempt]:
    """Holds more memory than it may: as memory, as files without a name, and in file systems in memory."""
    pieces = max(aim["bytes"] // _PIECE, 1)
    yield "private memory", partial(_mapped, pieces, mmap.MAP_PRIVATE)
    yield "shared memory", partial(_mapped, pieces, mmap.MAP_SHARED)
    yield "memfd", partial(_memfd, pieces)
    for folder in aim["folders"]:
        yield folder, partial(_files, folder, pieces)


def _mapped(pieces: int, kind: int) -> str:
    kept = [mmap.mmap(-1, _PIECE, kind | mmap.MAP_ANONYMOUS) for _ in range(pieces)]
    for piece in kept:
        for at in range(0, _PIECE, _PAGE):
            piece[at] = 1
    return f"{pieces * _PIECE} bytes"


def _memfd(pieces: int) -> str:
    for number in range(pieces):
        os.write(os.memfd_create(f"piece-{number}"), bytes(_PIECE))
    return f"{pieces * _PIECE} bytes"


def _files(folder: str, pieces: int) -> str:
    kept = []
    for _ in range(pieces):
        kept.append(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115 - it is kept open
        kept[-1].write(bytes(_PIECE))
        kept[-1].flush()
    return f"{pieces * _PIECE} bytes"
