"""Changes to the base system."""

import os
import stat
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.files import opened


@attack(
    aim="guarded_files",
    source="CIS Docker Benchmark, read-only root file system",
    expects="read-only, or not permitted",
    control="own_writable_files",
    every=True,
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Opens base files for writing: accounts, trust store, resolver, linker cache, programs."""
    for path in aim:
        yield path, partial(opened, path, os.O_WRONLY)
        yield f"mode of {path}", partial(_mode_set, path)


def _mode_set(path: str) -> str:
    """To what it is: enough to show that it could be changed."""
    os.chmod(path, stat.S_IMODE(os.stat(path).st_mode))
    return "set"
