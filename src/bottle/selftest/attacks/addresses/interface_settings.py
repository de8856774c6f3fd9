"""Tunnels and network settings."""

import fcntl
import os
import struct
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="links",
    source="https://docs.kernel.org/networking/tuntap.html",
    expects="no such device, or read-only",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
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
