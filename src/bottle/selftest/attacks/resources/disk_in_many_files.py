"""A disk full of files."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.resources import fill

_PIECES = 64


@attack(
    aim="small_disk",
    source="MITRE ATT&CK T1499.001, OS exhaustion flood; CWE-770",
    expects="the bottle is ended past resources.disk",
    control="little_disk",
    outside=True,
    alone=True,
    expendable=True,
)
def attempts(aim: dict[str, Any]) -> Iterator[Attempt]:
    """Fills home and workspace with files of which each is small enough."""
    yield "many files", partial(fill, aim, _write, pieces=_PIECES)


def _write(path: str, size: int) -> None:
    with open(path, "wb") as file:
        file.write(bytes(size))
