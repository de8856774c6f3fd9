"""Descriptors left open."""

import os
from collections.abc import Iterator

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="nothing",
    source="CVE-2024-21626 (runc leaked a descriptor of the host)",
    expects="none is open",
    control="own_descriptor",
)
def attempts(aim: str | None) -> Iterator[Attempt]:
    """Looks for descriptors, beyond the three streams, that whoever started the process left open."""
    if aim is not None:
        os.open(aim, os.O_RDONLY)
    yield "descriptors", _descriptors


def _descriptors() -> list[str]:
    """All but the one that lists them and the pipe that the attempt reports on."""
    known = {"pipe", "anon_inode"}  # the attempt's own
    found = []
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                target = os.readlink(f"/proc/self/fd/{name}")
            except OSError:
                continue
            if target.partition(":")[0] not in known and not target.startswith("/proc/"):
                found.append(f"{name} -> {target}")
    return found
