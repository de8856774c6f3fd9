"""Huge headers."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.resources import MEGABYTE, unanswered

_OPENING = b"GET http://denied.example.com/ HTTP/1.1\r\nHost: denied.example.com\r\n"
_LINES = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(1000))
_TIMES = 16


@attack(
    aim="proxy",
    source="CVE-2011-3192 and its like; CWE-770",
    expects="refused or cut off, and the sidecar answers all the same",
    control="dead_proxy",
    outside=True,
    every=True,
    alone=True,
    expendable=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends headers without end, on many connections, and asks for something."""
    yield "one header line", partial(_sent, aim, b"X: " + b"x" * MEGABYTE)
    yield "many header lines", partial(_sent, aim, _LINES)
    yield "one request line", partial(_sent, aim, b"", b"GET http://denied.example.com/" + b"x" * MEGABYTE)


def _sent(proxy: Any, headers: bytes, opening: bytes = _OPENING) -> str | None:
    kept = []
    for _ in range(_TIMES):
        with suppress(OSError):
            kept.append(socket.create_connection(tuple(proxy), 1))
            kept[-1].settimeout(1)
            kept[-1].sendall(opening + headers)
    return unanswered(proxy)
