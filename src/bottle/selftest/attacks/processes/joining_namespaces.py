"""Other namespaces."""

import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.calls import checked, libc
from bottle.selftest.probes.processes import NAMESPACES, processes_seen

_MOST = 20


@attack(
    aim="nothing",
    source="setns(2); MITRE ATT&CK T1611, escape to host",
    expects="not permitted",
    root_control=True,
)
def attempts(_: None) -> Iterator[Attempt]:
    """Joins the namespaces of every process that it sees, and its own once more."""
    for process in processes_seen()[:_MOST]:
        for name in NAMESPACES:
            yield f"{process} {name}", partial(_joined, f"/proc/{process}/ns/{name}")


def _joined(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY)
    return checked(libc.setns(descriptor, 0))
