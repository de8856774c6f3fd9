"""Pipes that lie in the directory that the agent works on."""

import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="workspace_pipes",
    source="fifo(7): whoever opens a pipe's file talks to whoever else has it open",
    expects="no such file, or a pipe that nobody reads",
    control="pipes_of_the_workspace",
    outside=True,
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Writes to a pipe that a process of the host reads, in the directory that came in as the workspace."""
    for path in aim:
        yield path, partial(_written, path)


def _written(path: str) -> str:
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)  # refused where nobody reads
    return f"{os.write(descriptor, b'from the bottle')} bytes taken"
