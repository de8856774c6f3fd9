"""Placeholders, wrapped."""

from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.http2_parcels import Request
from bottle.selftest.probes.http2_parcels import left as left_over_http2
from bottle.selftest.probes.parcels import Parcel, body, left, sent
from bottle.selftest.probes.websocket_parcels import TEXT, frame
from bottle.selftest.probes.websocket_parcels import left as left_in_messages


@attack(
    aim="secrets",
    source="L. Spitzner, Honeytokens, 2003; MITRE ATT&CK T1552, unsecured credentials",
    expects="it does not reach the server, and is an alarm",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends the placeholder of a credential, and the decoy in the agent's home, to a host that owns none."""
    bait = aim["baits"][0].encode()
    coded, percent = b64encode(b"u:" + bait), b"".join(b"%%%02x" % byte for byte in bait)
    parcels = {
        "body": body(bait, tls=True),
        "form": body(bait, b"a=1&token=" + bait),
        "JSON": body(bait, b'{"a": "' + bait + b'"}'),
        "upper case": body(bait.upper()),
        "base64": body(coded),
        "hexadecimal": body(bait.hex().encode()),
        "percents": body(percent),
        "a byte a chunk": Parcel([bait], pieces=[bait[at : at + 1] for at in range(len(bait))], chunked=True),
        "Basic": Parcel([coded], b"GET", lines=b"Authorization: Basic " + coded + b"\r\n"),
        "cookie": Parcel([bait], b"GET", lines=b"Cookie: a=" + bait + b"\r\n"),
        "query, percents": Parcel([percent], b"GET", b"?q=" + percent),
    }
    yield from sent(aim, parcels)
    yield "message", partial(left_in_messages, aim, [bait], [frame(TEXT, bait)])
    yield "HTTP/2", partial(left_over_http2, aim, Request([bait], data=[bait[:9], bait[9:]]))
    yield "decoy", partial(_lure, aim)
    yield "decoy in base64", partial(_lure, aim, coded=True)


def _lure(aim: Any, *, coded: bool = False) -> str | None:
    path, before = aim["lure"]
    with open(path) as file:
        found = file.read().partition(before)[2].splitlines()[0].encode()
    return left(aim, body(b64encode(found) if coded else found))
