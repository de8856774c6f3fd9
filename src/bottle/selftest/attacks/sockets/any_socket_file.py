"""Any unix socket at all."""

import os
import stat
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.unix import connect

_UNSEARCHED = {"proc", "sys"}


@attack(
    aim="socket_roots",
    source="OWASP Docker Security Cheat Sheet, rule 1 (the engine's socket)",
    expects="none is found",
    control="own_socket_roots",
)
def attempts(aim: list[tuple[str, list[str]]]) -> Iterator[Attempt]:
    """Searches the file system for sockets and connects to each that is not its own."""
    for root, known in aim:
        found = [path for path in _sockets(root) if path not in known]
        yield f"sockets below {root}", partial(list, found)


def _sockets(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        if folder == "/":
            folders[:] = [name for name in folders if name not in _UNSEARCHED]
        for name in files:
            path = os.path.join(folder, name)
            try:
                if stat.S_ISSOCK(os.lstat(path).st_mode) and connect(path):
                    yield path
            except OSError:
                continue
