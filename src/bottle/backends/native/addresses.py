"""The host's own addresses, which the proof of isolation tries from inside."""

import socket
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path


def of_host(net: Path = Path("/proc/net")) -> Sequence[str]:
    """Every IPv4 and IPv6 address of an interface of this host, loopback left out."""
    found = [*_version_4(_lines(net / "fib_trie")), *_version_6(_lines(net / "if_inet6"))]
    return tuple(
        sorted({address for address in found if address != "::1" and not address.startswith("127.")})
    )


def _version_4(lines: Sequence[str]) -> Sequence[str]:
    """An address stands on the line before the one that calls it a local host."""
    pairs = pairwise(lines)
    return [before.split()[-1] for before, line in pairs if "host LOCAL" in line and "|--" in before]


def _version_6(lines: Sequence[str]) -> Sequence[str]:
    fields = [line.split() for line in lines]
    return [socket.inet_ntop(socket.AF_INET6, bytes.fromhex(entry[0])) for entry in fields if entry]


def _lines(path: Path) -> Sequence[str]:
    return path.read_text(encoding="ascii").splitlines() if path.is_file() else ()
