"""No network address can be reached from a bottle but its sidecar's listener."""

import ctypes
import fcntl
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from attacks.kit import Attempt, attack

_SECONDS = 1
_RARE = {"DCCP": (6, 33), "SCTP": (1, 132), "UDP-Lite": (2, 136), "MPTCP": (1, 262), "L2TP": (2, 115)}
_AF_NETLINK = 16
_OTHER_FAMILIES = {
    "AX25": 3, "IPX": 4, "APPLETALK": 5, "X25": 9, "KEY": 15, "PACKET": 17, "RDS": 21, "PPPOX": 24,
    "LLC": 26, "CAN": 29, "TIPC": 30, "BLUETOOTH": 31, "RXRPC": 33, "ALG": 38, "NFC": 39, "VSOCK": 40,
    "KCM": 41, "QIPCRTR": 42, "SMC": 43, "XDP": 44,
}  # fmt: skip
_QUERY = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"
_RTM_NEWLINK, _RTM_NEWADDR, _RTM_NEWROUTE = 16, 20, 24
_REQUEST_CREATE = 0x1 | 0x4 | 0x400 | 0x200  # request, acknowledge, create, exclusive


def _socket(host: str, port: int, kind: socket.SocketKind) -> tuple[socket.socket, Any]:
    (family, _, _, _, address), *_ = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)
    made = socket.socket(family, kind)
    made.settimeout(_SECONDS)
    return made, address


def _is_own(host: str) -> bool:
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _connect(host: str, port: int) -> str | None:
    """A refusal from an address that is not our own loopback means that packets got there."""
    connection, address = _socket(host, port, socket.SOCK_STREAM)
    with connection:
        try:
            connection.connect(address)
        except ConnectionRefusedError:
            if _is_own(host):
                raise
            return "refused by what is there"
        except TimeoutError:
            return "packets leave, none comes back"
    return "connected"


def _send(host: str, port: int, data: bytes) -> str | None:
    connection, address = _socket(host, port, socket.SOCK_DGRAM)
    with connection:
        connection.connect(address)
        connection.send(data)
        try:
            return f"answered: {connection.recv(512)!r}"
        except ConnectionRefusedError:
            if _is_own(host):
                raise
            return "refused by what is there"
        except TimeoutError:
            return None if _is_own(host) else "packets leave, none comes back"


@attack("services", control="exit")
def tcp_to_services_of_the_host(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Connects to a service that listens on every address that the host has."""
    for host, port in aim:
        yield f"{host} port {port}", partial(_connect, host, port)


@attack("datagram_services")
def udp_to_services_of_the_host(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Sends a datagram to a service that answers on every address that the host has."""
    for host, port in aim:
        yield f"{host} port {port}", partial(_send, host, port, b"hello")


@attack("special_addresses", control="exit")
def tcp_to_metadata_and_private_ranges(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Connects to cloud metadata services, gateways, private, link-local and public addresses."""
    for host, port in aim:
        yield f"{host} port {port}", partial(_connect, host, port)


@attack("resolvers")
def dns_over_udp(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Asks the host's, the engine's and public resolvers for a name."""
    for host, port in aim:
        yield f"{host} port {port}", partial(_send, host, port, _QUERY)


@attack("resolvers", control="exit")
def dns_over_tcp(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Connects to the host's, the engine's and public resolvers."""
    for host, port in aim:
        yield f"{host} port {port}", partial(_connect, host, port)


@attack("names", control="own_name")
def names_resolve(aim: list[str]) -> Iterator[Attempt]:
    """Looks names up with the C library, as every program does."""
    for name in aim:
        yield name, partial(socket.getaddrinfo, name, 443)


@attack("special_addresses")
def ping(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
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


@attack("nothing")
def raw_sockets(_: None) -> Iterator[Attempt]:
    """Makes raw IP sockets, which forge packets."""
    for family in (socket.AF_INET, socket.AF_INET6):
        for protocol in (1, 6, 17, 58, 255):
            yield (
                f"{family.name} protocol {protocol}",
                partial(_made, family, socket.SOCK_RAW, protocol),
            )


@attack("nothing")
def rare_protocols(_: None) -> Iterator[Attempt]:
    """Makes sockets of protocols that few programs use, which the kernel may have to load a module for."""
    for family in (socket.AF_INET, socket.AF_INET6):
        for name, (kind, protocol) in _RARE.items():
            yield f"{name} {family.name}", partial(_made, family, kind, protocol)


def _made(family: int, kind: int, protocol: int) -> str:
    with socket.socket(family, kind, protocol):
        return "made"


@attack("nothing")
def other_socket_families(_: None) -> Iterator[Attempt]:
    """Makes sockets of every other family: packet, vsock, kernel crypto, Bluetooth, TIPC, XDP ..."""
    for name, family in _OTHER_FAMILIES.items():
        for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            yield f"{name} {kind.name}", partial(_made, family, kind, 0)


@attack(
    "nothing", spared={"gvisor": "its kernel in user space answers routing and a silent uevent socket alone"}
)
def netlink_protocols(_: None) -> Iterator[Attempt]:
    """Makes netlink sockets other than the one that lists interfaces: audit, netfilter, uevents ..."""
    for protocol in range(1, 23):
        yield f"protocol {protocol}", partial(_made, _AF_NETLINK, socket.SOCK_RAW, protocol)


@attack("nothing")
def netlink_changes(_: None) -> Iterator[Attempt]:
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
    with suppress(OSError):
        _libc = ctypes.CDLL(None, use_errno=True)
        if os.geteuid() == 0 and _libc.unshare(0x40000000):
            raise RuntimeError("the control has no namespace of its own")
    with socket.socket(_AF_NETLINK, socket.SOCK_RAW, 0) as made:
        head = struct.pack("=IHHII", 16 + len(body), kind, _REQUEST_CREATE, 1, 0)
        made.settimeout(_SECONDS)
        made.send(head + body)
        code = -struct.unpack_from("=i", made.recv(4096), 16)[0]
    if code:
        raise OSError(code, os.strerror(code))
    return "done"


@attack("nothing")
def interfaces(_: None) -> Iterator[Attempt]:
    """Looks for an interface other than loopback."""
    others = [name for _, name in socket.if_nameindex() if name != "lo"]
    yield "interfaces", partial(list, others)


@attack("neighbour_port", control="exit")
def loopback_of_another_bottle(aim: list[tuple[str, int]]) -> Iterator[Attempt]:
    """Connects to a server that another bottle runs on its own loopback and on all of its addresses."""
    for host, port in aim:
        yield f"{host} port {port}", partial(_connect, host, port)


@attack("links")
def interface_settings(aim: list[str]) -> Iterator[Attempt]:
    """Opens the tunnel device and writes network settings of the kernel."""
    yield "/dev/net/tun", _tunnel
    for path in aim:
        yield path, partial(_opened_for_writing, path)


def _tunnel() -> str:
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, 0x400454CA, struct.pack("16sH22x", b"attack%d", 0x0001 | 0x1000))
    return "made a tunnel"


def _opened_for_writing(path: str) -> str:
    os.close(os.open(path, os.O_WRONLY))
    return "opened for writing"
