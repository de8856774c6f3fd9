"""A certificate for another name."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import Shot, fire, get


@attack(
    aim="wrongly_named",
    source="RFC 9525; CWE-297, improper validation of a certificate with host mismatch",
    expects="502, and nothing is sent",
    control="rightly_named",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Talks to a granted host whose server has a good certificate, for another name."""
    proxy, host = aim
    name = host.encode()
    for path in (b"/", b"/v1", b"/v1/echo"):
        yield path.decode(), partial(fire, proxy, Shot(get(path, name), name + b":443", name))
