"""Netlink beyond routing."""

import socket
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.network import AF_NETLINK, make


@attack(
    aim="nothing",
    source="CVE-2024-1086 (nf_tables)",
    expects="no such protocol, or not permitted",
    spared={"gvisor": "its kernel in user space answers routing and a silent uevent socket alone"},
)
def attempts(_: None) -> Iterator[Attempt]:
    """Makes netlink sockets other than the one that lists interfaces: audit, netfilter, uevents ..."""
    for protocol in range(1, 23):
        yield f"protocol {protocol}", partial(make, AF_NETLINK, socket.SOCK_RAW, protocol)
