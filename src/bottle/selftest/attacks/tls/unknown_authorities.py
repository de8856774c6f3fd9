"""A certificate of an unknown authority."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import Shot, fire, get


@attack(
    aim="unknown_authority",
    source="CWE-295, improper certificate validation; CVE-2014-1266",
    expects="502, and nothing is sent",
    control="rightly_named",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Talks to a granted host whose server's certificate nobody vouches for."""
    proxy, host = aim
    name = host.encode()
    for path in (b"/", b"/v1", b"/v1/echo"):
        yield path.decode(), partial(fire, proxy, Shot(get(path, name), name + b":443", name))
