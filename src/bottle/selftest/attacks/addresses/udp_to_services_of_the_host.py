"""UDP to the host."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.network import send


@attack(
    aim="datagram_services",
    source="https://docs.docker.com/engine/network/ (a container reaches its host by default)",
    expects="no route to any address of the host",
)
def attempts(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Sends datagrams to every address that the host has, and to services that answer there."""
    for host, port in aim:
        yield f"{host} port {port}", partial(send, host, port, b"hello")
