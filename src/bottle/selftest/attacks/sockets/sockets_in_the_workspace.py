"""Sockets that lie in the directory that the agent works on."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.unix import connect


@attack(
    aim="workspace_sockets",
    source="unix(7): whoever finds a socket's file and may write it may connect",
    expects="no such file, or a socket that nobody listens on",
    control="sockets_of_the_workspace",
    outside=True,
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Connects to a service of the host that listens in the directory that came in as the workspace."""
    for path in aim:
        yield path, partial(connect, path)
