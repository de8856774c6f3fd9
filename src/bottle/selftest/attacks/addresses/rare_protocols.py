"""Protocols whose modules load on demand."""

import socket
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.network import make

_RARE = {"DCCP": (6, 33), "SCTP": (1, 132), "UDP-Lite": (2, 136), "MPTCP": (1, 262), "L2TP": (2, 115)}


@attack(
    aim="nothing",
    source="CVE-2017-6074 (DCCP)",
    expects="no such protocol",
)
def attempts(_: None) -> Iterator[Attempt]:
    """Makes sockets of protocols that few programs use, which the kernel may have to load a module for."""
    for family in (socket.AF_INET, socket.AF_INET6):
        for name, (kind, protocol) in _RARE.items():
            yield f"{name} {family.name}", partial(make, family, kind, protocol)
