"""The host's services by way of the proxy."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import Shot, fire, get


@attack(
    aim="proxy_with_services",
    source="CWE-918, server-side request forgery",
    expects="refused with 403",
    control="gullible_with_services",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Tunnels to services that really listen on this machine, by address and by name."""
    proxy, services = aim
    for host, port in services:
        named = f"[{host}]" if ":" in host else host
        target = f"{named}:{port}".encode()
        yield f"{named}:{port}", partial(fire, proxy, Shot(b"hello\r\n", target, tls=False))
        clear = Shot(get(b"http://" + target + b"/forbidden", target), None)
        yield f"{named}:{port} in the clear", partial(fire, proxy, clear)
