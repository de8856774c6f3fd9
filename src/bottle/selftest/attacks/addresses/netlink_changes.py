"""Changes to the network by netlink."""

import os
import socket
import struct
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.calls import apart
from bottle.selftest.probes.network import AF_NETLINK, SECONDS

_RTM_NEWLINK, _RTM_NEWADDR, _RTM_NEWROUTE = 16, 20, 24
_REQUEST_CREATE = 0x1 | 0x4 | 0x400 | 0x200  # request, acknowledge, create, exclusive


@attack(
    aim="nothing",
    source="rtnetlink(7)",
    expects="not permitted",
)
def attempts(_: None) -> Iterator[Attempt]:
    """Creates an interface, gives loopback another address, and adds a default route."""
    link = struct.pack("=BBHiII", 0, 0, 0, 0, 1, 0xFFFFFFFF)
    name = struct.pack("=HH", 4 + 8, 3) + b"attack0\0"
    info = struct.pack("=HH", 4 + 12, 18) + struct.pack("=HH", 4 + 6, 1) + b"dummy\0\0\0"
    yield "a dummy interface", partial(_netlink, _RTM_NEWLINK, link + name + info)
    address = struct.pack("=BBBBI", 2, 32, 0, 0, 1) + struct.pack("=HH4s", 8, 2, bytes((10, 99, 99, 99)))
    yield "an address", partial(_netlink, _RTM_NEWADDR, address)
    route = struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0) + struct.pack("=HHI", 8, 4, 1)
    yield "a default route", partial(_netlink, _RTM_NEWROUTE, route)


def _netlink(kind: int, body: bytes) -> str:
    """In the control this really happens: in a network namespace that ends with the attempt."""
    apart()
    with socket.socket(AF_NETLINK, socket.SOCK_RAW, 0) as made:
        head = struct.pack("=IHHII", 16 + len(body), kind, _REQUEST_CREATE, 1, 0)
        made.settimeout(SECONDS)
        made.send(head + body)
        code = -struct.unpack_from("=i", made.recv(4096), 16)[0]
    if code:
        raise OSError(code, os.strerror(code))
    return "done"
