"""Terminals of the host."""

import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="terminals",
    source="CVE-2016-7545, CVE-2017-5226 (keys typed into the caller's terminal)",
    expects="no such device",
    control="own_terminals",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Opens the operator's terminals, the console, virtual terminals and what is on their screens."""
    for path in aim:
        yield path, partial(_opened, path)


def _opened(path: str) -> str:
    os.close(os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    return "opened"
