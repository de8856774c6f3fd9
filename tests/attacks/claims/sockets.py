"""No unix socket of the host, of its services or of another bottle can be reached from a bottle."""

import os
import socket
import stat
from collections.abc import Iterator
from functools import partial

from attacks.kit import Attempt, attack

_SECONDS = 3
_UNSEARCHED = {"proc", "sys"}


def _connect(address: str) -> str:
    """Any answer but "there is no such thing" and "not allowed" means that something is there."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as made:
            made.settimeout(_SECONDS)
            try:
                made.connect(address)
            except ProtocolError:
                continue
            return "connected"
    raise ProtocolError("no kind of socket fits")


class ProtocolError(OSError):
    """Never raised by the system."""


@attack("abstract")
def abstract_sockets(aim: list[str]) -> Iterator[Attempt]:
    """Connects to sockets without a path, which follow the network namespace."""
    for name in aim:
        yield f"@{name}", partial(_connect, f"\0{name}")


@attack("socket_paths")
def sockets_by_path(aim: list[str]) -> Iterator[Attempt]:
    """Connects to the container engine, ssh-agent, D-Bus, systemd, and the operator's own sockets."""
    for path in aim:
        yield path, partial(_connect, path)


@attack("socket_roots", control="own_socket_roots")
def any_socket_file(aim: list[tuple[str, list[str]]]) -> Iterator[Attempt]:
    """Searches the file system for sockets and connects to each that is not its own."""
    for root, known in aim:
        found = [path for path in _sockets(root) if path not in known]
        yield f"sockets below {root}", partial(list, found)


def _sockets(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        if folder == "/":
            folders[:] = [name for name in folders if name not in _UNSEARCHED]
        for name in files:
            path = os.path.join(folder, name)
            try:
                if stat.S_ISSOCK(os.lstat(path).st_mode) and _connect(path):
                    yield path
            except OSError:
                continue


@attack("nothing", control="own_descriptor")
def inherited_descriptors(aim: str | None) -> Iterator[Attempt]:
    """Looks for descriptors, beyond the three streams, that whoever started the process left open."""
    if aim is not None:
        os.open(aim, os.O_RDONLY)
    yield "descriptors", _descriptors


def _descriptors() -> list[str]:
    """All but the one that lists them and the pipe that the attempt reports on."""
    known = {"pipe", "anon_inode"}  # the attempt's own
    found = []
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                target = os.readlink(f"/proc/self/fd/{name}")
            except OSError:
                continue
            if target.partition(":")[0] not in known and not target.startswith("/proc/"):
                found.append(f"{name} -> {target}")
    return found
