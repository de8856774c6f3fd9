"""New files in the base system."""

import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="guarded_folders",
    source="CIS Docker Benchmark, read-only root file system",
    expects="read-only, or not permitted",
    control="own_writable_folders",
    every=True,
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Makes a file in the base system, in /etc, /dev, /sys and in the folder of its own programs."""
    for folder in aim:
        yield folder, partial(_written, folder)


def _written(folder: str) -> str:
    path = f"{folder}/attack-{os.getpid()}"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    os.unlink(path)
    return "written"
