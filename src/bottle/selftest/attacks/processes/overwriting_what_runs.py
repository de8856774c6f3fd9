"""Overwriting a running program."""

import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.processes import processes_seen


@attack(
    aim="programs",
    source="CVE-2019-5736 (runc's own executable)",
    expects="read-only, or busy",
    control="own_writable_files",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Opens the executable of every process for writing, as the escape through runc's did."""
    for path in aim:
        for process in processes_seen() if "PID" in path else [""]:
            target = path.replace("PID", process)
            yield target, partial(_opened, target)


def _opened(path: str) -> str:
    os.close(os.open(path, os.O_WRONLY))
    return "opened for writing"
