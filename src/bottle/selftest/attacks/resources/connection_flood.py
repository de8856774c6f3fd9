"""Connection floods."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.resources import unanswered

_MANY = 600
_SECONDS = 2


@attack(
    aim="proxy",
    source="slowloris (R. Hansen, 2009); MITRE ATT&CK T1499.002",
    expects="other bottles are served meanwhile, and this one afterwards",
    control="dead_proxy",
    outside=True,
    every=True,
    alone=True,
    expendable=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Holds many connections, on which it says nothing or half of a request; then it asks for something."""
    yield "silent connections", partial(_flooded, aim, b"")
    yield "half a request", partial(_flooded, aim, b"GET http://denied.example.com/ HTTP/1.1\r\nX-Half: ")


def _flooded(proxy: Any, opening: bytes) -> str | None:
    kept = []
    with suppress(OSError):
        for _ in range(_MANY):
            kept.append(socket.create_connection(tuple(proxy), 1))
            kept[-1].sendall(opening)
    time.sleep(_SECONDS)
    for connection in kept:
        connection.close()
    return unanswered(proxy)
