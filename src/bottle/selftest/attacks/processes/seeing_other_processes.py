"""Processes of the host and of a neighbour."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.processes import processes_seen


@attack(
    aim="host_markers",
    source="MITRE ATT&CK T1057, process discovery",
    expects="none is seen",
    control="own_markers",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Looks in /proc for a process that runs on the host, or in another bottle."""
    for marker in aim:
        yield (
            marker,
            partial(_named, marker),
        )


def _named(marker: str) -> list[str]:
    return [name for name in processes_seen() if marker in _arguments(name)]


def _arguments(process: str) -> str:
    with suppress(OSError), open(f"/proc/{process}/cmdline", errors="replace") as file:
        return file.read()
    return ""
