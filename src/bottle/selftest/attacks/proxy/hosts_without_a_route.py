"""Hosts that no route covers."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import DENIED, Shot, fire, get


@attack(
    aim="proxy",
    source="MITRE ATT&CK T1567, exfiltration over a web service",
    expects="refused with 403",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Asks for a host that no route covers: in a tunnel, in the clear, as a subdomain, as a look-alike."""
    names = (
        DENIED, b"x.api.example.com", b"example.com", b"xapi.example.com", b"api.example.com.evil.test",
        b"api.example.co", b"sidecar.bottle", b"gate.bottle", b"supervise.bottle", b"localhost",
        b"wildcard.test", b"metadata.google.internal",
    )  # fmt: skip
    for name in names:
        yield name.decode(), partial(fire, aim, Shot(get(b"/v1/forbidden", name), name + b":443", name))
    absolute = get(b"http://" + DENIED + b"/v1/v1/forbidden", DENIED)
    yield "in the clear", partial(fire, aim, Shot(absolute, None))
