"""Abstract unix sockets."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.unix import connect


@attack(
    aim="abstract",
    source="CVE-2020-15257 (containerd-shim's abstract socket)",
    expects="connection refused",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Connects to sockets without a path, which follow the network namespace."""
    for name in aim:
        yield f"@{name}", partial(connect, f"\0{name}")
