"""A disk full of files that have no name."""

import os
from collections.abc import Iterator
from functools import partial
from typing import IO, Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.resources import fill

_PIECES = 16
_UNSEEN = "nobody can look at a container's open files from outside: see docs/explanation/threat-model.md"


@attack(
    aim="small_disk",
    source="unlink(2): a file that is open keeps its space",
    expects="the bottle is ended past resources.disk",
    control="little_disk",
    outside=True,
    alone=True,
    expendable=True,
    spared={"docker": _UNSEEN, "gvisor": _UNSEEN},
)
def attempts(aim: dict[str, Any]) -> Iterator[Attempt]:
    """Fills files that it has unlinked, so that they are in no folder."""
    yield "unlinked files", partial(fill, aim, _write, pieces=_PIECES)


def _write(path: str, size: int) -> IO[bytes]:
    file = open(path, "wb")  # noqa: SIM115 - it is kept open
    os.unlink(path)
    file.write(bytes(size))
    file.flush()
    return file
