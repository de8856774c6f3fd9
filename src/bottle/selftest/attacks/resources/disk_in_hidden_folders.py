"""A disk full of files where nobody may look."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.resources import fill

_PIECES = 64


@attack(
    aim="small_disk",
    source="path_resolution(7), permissions; CWE-770",
    expects="the bottle is ended past resources.disk",
    control="little_disk",
    outside=True,
    alone=True,
    expendable=True,
)
def attempts(aim: dict[str, Any]) -> Iterator[Attempt]:
    """Fills folders and then takes every permission from them."""
    yield "folders without permissions", partial(fill, aim, _write, pieces=_PIECES)


def _write(path: str, size: int) -> None:
    os.mkdir(path)
    with open(f"{path}/file", "wb") as file:
        file.write(bytes(size))
    os.chmod(path, 0)
