"""DNS past the sidecar, over UDP."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.network import send

_QUERY = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"


@attack(
    aim="resolvers",
    source="MITRE ATT&CK T1071.004, DNS as a channel",
    expects="no route to a resolver",
)
def attempts(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Asks the host's, the engine's and public resolvers for a name."""
    for host, port in aim:
        yield f"{host} port {port}", partial(send, host, port, _QUERY)
