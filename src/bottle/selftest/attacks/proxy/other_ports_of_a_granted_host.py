"""Other ports of a granted host."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import HOST, PLAIN, Shot, fire, get


@attack(
    aim="proxy",
    source="RFC 9110, 9.3.6 (CONNECT to arbitrary ports)",
    expects="refused with 403",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Tunnels to a granted host on another port, or names another port inside."""
    for port in (b"22", b"80", b"25", b"444", b"8443", b"6379", b"0", b"65535", b"65979", b"443443", b"-1"):
        yield f"CONNECT :{port.decode()}", partial(fire, aim, Shot(get(b"/v1"), HOST + b":" + port))
    inner = Shot(get(b"/v1", HOST + b":8443"))
    yield "Host :8443", partial(fire, aim, inner)
    clear = Shot(get(b"http://" + PLAIN + b":8080/forbidden", PLAIN + b":8080"), None)
    yield "in the clear :8080", partial(fire, aim, clear)
