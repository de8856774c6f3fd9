"""ICMP as a channel."""

import socket
import struct
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="special_addresses",
    source="MITRE ATT&CK T1095, non-application layer protocol",
    expects="no such socket, or no route",
    root_control=True,
)
def attempts(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Sends an ICMP echo request through the datagram socket that needs no privilege, or a raw one."""
    for host, _ in aim:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
            yield f"{host} {kind.name}", partial(_ping, host, kind)


def _ping(host: str, kind: socket.SocketKind) -> str:
    six = ":" in host
    protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    body = struct.pack(">BBHHH", 128 if six else 8, 0, 0 if six else 0xF7FD, 1, 1)
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, kind, protocol) as made:
        return f"{made.sendto(body, (host, 0))} bytes sent"
