"""Forged packets."""

import socket
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.network import make


@attack(
    aim="nothing",
    source="CVE-2020-13401 (router advertisements from a container with raw sockets)",
    expects="not permitted",
)
def attempts(_: None) -> Iterator[Attempt]:
    """Makes raw IP sockets, which forge packets."""
    for family in (socket.AF_INET, socket.AF_INET6):
        for protocol in (1, 6, 17, 58, 255):
            yield (
                f"{family.name} protocol {protocol}",
                partial(make, family, socket.SOCK_RAW, protocol),
            )
