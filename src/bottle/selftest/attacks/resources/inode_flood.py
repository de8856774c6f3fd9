"""Inode floods."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.resources import fill

_SMALLEST = 4096


@attack(
    aim="small_disk",
    source="df -i; CWE-770, allocation without limits",
    expects="the bottle is ended past resources.disk",
    control="little_disk",
    outside=True,
    alone=True,
    expendable=True,
)
def attempts(aim: dict[str, Any]) -> Iterator[Attempt]:
    """Makes so many empty files that a disk would run out of inodes."""
    yield "empty files", partial(fill, aim, _make, pieces=aim["bytes"] // _SMALLEST)


def _make(path: str, _: int) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
