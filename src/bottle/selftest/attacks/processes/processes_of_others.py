"""Processes of another user."""

import os
from collections.abc import Iterator
from contextlib import suppress

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.processes import processes_seen


@attack(
    aim="nothing",
    source="MITRE ATT&CK T1057, process discovery",
    expects="none is seen",
)
def attempts(_: None) -> Iterator[Attempt]:
    """Looks for a process that belongs to another user."""
    yield "owners", _foreign_processes


def _foreign_processes() -> list[str]:
    return [process for process in processes_seen() if _foreign(process)]


def _foreign(process: str) -> bool:
    """/proc shows an undumpable process as root's, so its status is what tells."""
    with suppress(OSError), open(f"/proc/{process}/status") as file:
        return any(line.startswith("Uid:") and line.split()[1] != str(os.getuid()) for line in file)
    return False
