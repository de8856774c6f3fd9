"""Another bottle's loopback."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.network import connect


@attack(
    aim="neighbour_port",
    source="CVE-2020-8558 (a neighbour reached services on 127.0.0.1)",
    expects="connection refused by the own loopback",
    control="exit",
)
def attempts(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Connects to a server that another bottle runs on its own loopback and on all of its addresses."""
    for host, port in aim:
        yield f"{host} port {port}", partial(connect, host, port)
