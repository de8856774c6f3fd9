"""TCP to metadata services and private networks."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.network import connect


@attack(
    aim="special_addresses",
    source="MITRE ATT&CK T1552.005, cloud instance metadata API",
    expects="no route",
    control="exit",
)
def attempts(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Connects to cloud metadata services, gateways, private, link-local and public addresses."""
    for host, port in aim:
        yield f"{host} port {port}", partial(connect, host, port)
