"""Granted names that lead to private addresses."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import Shot, fire, get


@attack(
    aim="proxy_with_private_names",
    source="C. Jackson et al., Protecting Browsers from DNS Rebinding Attacks, CCS 2007",
    expects="refused with 403, and not dialled",
    control="gullible_with_private_names",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Asks for granted hosts whose names lead to this machine or to a private network."""
    proxy, names = aim
    for name in names:
        yield (
            name,
            partial(_judged, proxy, name.encode()),
        )


def _judged(proxy: tuple[str, int], name: bytes) -> str | None:
    """Here an error of the connection is a gain: it says that a private address was dialled."""
    answer = fire(proxy, Shot(get(b"/forbidden", name), name + b":443", name, allowed=-1))
    return None if answer and b"403" in answer.encode()[:40] else answer
