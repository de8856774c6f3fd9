"""Discovery on the local network."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.network import send

_QUESTION = b"\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04host\x05local\x00\x00\x01\x00\x01"


@attack(
    aim="multicast",
    source="RFC 6762 (mDNS), RFC 4795 (LLMNR); MITRE ATT&CK T1557.001",
    expects="no route",
    control="datagram_services",
    outside=True,
)
def attempts(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Asks the local network by multicast and broadcast: mDNS, LLMNR, SSDP, NetBIOS, DHCP."""
    for host, port in aim:
        yield f"{host} port {port}", partial(send, host, port, _QUESTION)
