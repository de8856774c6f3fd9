"""Well-known unix sockets."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.unix import connect


@attack(
    aim="socket_paths",
    source="OWASP Docker Security Cheat Sheet, rule 1 (the engine's socket)",
    expects="no such file",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Connects to the container engine, ssh-agent, D-Bus, systemd, and the operator's own sockets."""
    for path in aim:
        yield path, partial(connect, path)
