"""Spellings of a host."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import Shot, fire, get


@attack(
    aim="proxy",
    source="O. Tsai, A New Era of SSRF, Black Hat USA 2017",
    expects="refused with 403 or 400",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Spells a denied host so that it might be taken for a granted one, or the other way round."""
    spellings = (
        "denied.example.com.", "DENIED.example.com", "api.example.com..",
        "api\u3002example\u3002com.denied.test",
        "\uff41pi.example.com.denied.test", "api.example.com\u2100", "api.example.com%00.denied.test",
        "api.example.com%2f.denied.test", "api.example.com/.denied.test", "api.example.com#.denied.test",
        "api.example.com?.denied.test", "api.example.com\\.denied.test", ".api.example.com", "*.example.com",
        "xn--pi-7ia.example.com", "api_example.com", "a" * 64 + ".example.com", "api.example.com " + "x",
    )  # fmt: skip
    for spelling in spellings:
        raw = spelling.encode()
        shot = Shot(get(b"/v1/forbidden", raw), raw + b":443", None)
        yield repr(spelling[:40]), partial(fire, aim, shot)
