"""DNS past the sidecar, over TCP."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.network import connect


@attack(
    aim="resolvers",
    source="RFC 7766, DNS over TCP; MITRE ATT&CK T1071.004",
    expects="no route to a resolver",
    control="exit",
)
def attempts(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Connects to the host's, the engine's and public resolvers."""
    for host, port in aim:
        yield f"{host} port {port}", partial(connect, host, port)
