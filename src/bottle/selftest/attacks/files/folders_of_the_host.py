"""The host's folders."""

import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="host_folders",
    source="MITRE ATT&CK T1083, file and directory discovery",
    expects="no such folder, not permitted, or empty",
    control="own_folders",
    every=True,
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Lists homes, state, caches, runtime and mount folders of the host."""
    for path in aim:
        yield path, partial(_entries, path)


def _entries(path: str) -> str | None:
    found = os.listdir(path)
    return f"{found[:5]}" if found else None
