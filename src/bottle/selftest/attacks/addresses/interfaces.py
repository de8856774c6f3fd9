"""Another interface than loopback."""

import socket
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="nothing",
    source="netdevice(7)",
    expects="there is none",
)
def attempts(_: None) -> Iterator[Attempt]:
    """Looks for an interface other than loopback."""
    others = [name for _, name in socket.if_nameindex() if name != "lo"]
    yield "interfaces", partial(list, others)
