"""Names that carry data out while they are resolved."""

import socket
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="names",
    source="CVE-2025-55284 (a coding agent's DNS exfiltration)",
    expects="no name is resolved",
    control="own_name",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Looks names up with the C library, as every program does."""
    for name in aim:
        yield name, partial(socket.getaddrinfo, name, 443)
