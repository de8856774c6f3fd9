"""Secrets in URLs."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, sent


@attack(
    aim="secrets",
    source="CWE-598, sensitive query strings; CVE-2025-32711 (EchoLeak: data in the URL of an image)",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets in the path and the query of a URL, with TLS and without."""
    word, slack = aim["word"].encode(), quote(aim["shaped"]["Slack token"]).encode()
    parcels = {}
    for tls in (True, False):
        kind = "TLS" if tls else "the clear"
        for what, text in {"a known word": word, "a Slack token": slack}.items():
            for place, path in {
                "path": b"/" + text,
                "middle of a path": b"/a/" + text + b".png",
                "query value": b"?q=" + text,
                "query name": b"?" + text,
            }.items():
                parcels[f"{what} as {place}, in {kind}"] = Parcel([text], b"GET", path, tls=tls)
    yield from sent(aim, parcels)
