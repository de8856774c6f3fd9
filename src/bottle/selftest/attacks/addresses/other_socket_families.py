"""Socket families with a history of kernel bugs."""

import socket
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.network import make

_OTHER_FAMILIES = {
    "AX25": 3, "IPX": 4, "APPLETALK": 5, "X25": 9, "KEY": 15, "PACKET": 17, "RDS": 21, "PPPOX": 24,
    "LLC": 26, "CAN": 29, "TIPC": 30, "BLUETOOTH": 31, "RXRPC": 33, "ALG": 38, "NFC": 39, "VSOCK": 40,
    "KCM": 41, "QIPCRTR": 42, "SMC": 43, "XDP": 44,
}  # fmt: skip


@attack(
    aim="nothing",
    source="CVE-2020-14386 (packet), CVE-2021-26708 (vsock), CVE-2021-43267 (TIPC)",
    expects="no such family, or not permitted",
)
def attempts(_: None) -> Iterator[Attempt]:
    """Makes sockets of every other family: packet, vsock, kernel crypto, Bluetooth, TIPC, XDP ..."""
    for name, family in _OTHER_FAMILIES.items():
        for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            yield f"{name} {kind.name}", partial(make, family, kind, 0)
