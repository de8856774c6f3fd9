"""Control groups."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="group_roots",
    source="CVE-2022-0492 (release_agent); cgroups(7)",
    expects="read-only, or not there",
    control="own_folders_to_search",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Moves itself out of its control groups, or changes their limits."""
    for root in aim:
        yield root, partial(_writable, root)


def _writable(root: str) -> list[str] | None:
    found = []
    for folder, _, names in os.walk(root):
        for path in (os.path.join(folder, name) for name in names):
            with suppress(OSError):
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                found.append(path)
        if len(found) > 5:
            break
    return found or None
