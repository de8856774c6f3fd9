"""TCP, UDP and odd sockets; goes into a bottle beside the attacks."""

import ipaddress
import socket
from typing import Any

SECONDS = 1


AF_NETLINK = 16


def addressed_socket(host: str, port: int, kind: socket.SocketKind) -> tuple[socket.socket, Any]:
    (family, _, _, _, address), *_ = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)
    made = socket.socket(family, kind)
    made.settimeout(SECONDS)
    return made, address


def is_own(host: str) -> bool:
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def connect(host: str, port: int) -> str | None:
    """A refusal from an address that is not our own loopback means that packets got there."""
    connection, address = addressed_socket(host, port, socket.SOCK_STREAM)
    with connection:
        try:
            connection.connect(address)
        except ConnectionRefusedError:
            if is_own(host):
                raise
            return "refused by what is there"
        except TimeoutError:
            return "packets leave, none comes back"
    return "connected"


def send(host: str, port: int, data: bytes) -> str | None:
    connection, address = addressed_socket(host, port, socket.SOCK_DGRAM)
    with connection:
        connection.connect(address)
        connection.send(data)
        try:
            return f"answered: {connection.recv(512)!r}"
        except ConnectionRefusedError:
            if is_own(host):
                raise
            return "refused by what is there"
        except TimeoutError:
            return None if is_own(host) else "packets leave, none comes back"


def make(family: int, kind: int, protocol: int) -> str:
    with socket.socket(family, kind, protocol):
        return "made"
