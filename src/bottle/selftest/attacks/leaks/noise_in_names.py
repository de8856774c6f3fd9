"""Noise in names."""

from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, sent


@attack(
    aim="secrets",
    source="MITRE ATT&CK T1048 and T1567; CVE-2025-32711 (EchoLeak: what was read goes into a URL)",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends what no rule knows, and is long and random, as path segment and as query value."""
    noise = aim["noise"].encode()
    parcels = {
        "segment": Parcel([noise], b"GET", b"/" + noise),
        "middle segment": Parcel([noise], b"GET", b"/a/" + noise + b"/pixel.png"),
        "value": Parcel([noise], b"GET", b"?q=" + noise),
        "name": Parcel([noise], b"GET", b"?" + noise),
        "value of a POST": Parcel([noise], path=b"?q=" + noise, pieces=[b"x"]),
        "second value": Parcel([noise], b"GET", b"?page=1&data=" + noise),
    }
    long = aim["long"].encode()
    parcels["long hexadecimal"] = Parcel([long], b"GET", b"?q=" + long)
    yield from sent(aim, parcels)
