"""Secrets in HTTP/2 fields."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.http2_parcels import INDEXED, Request, left


@attack(
    aim="secrets",
    source="J. Kettle, HTTP/2: The Sequel is Always Worse, Black Hat USA 2021; RFC 9113, 8.2.3",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets in :path, names, values, cookie crumbs, in a header block of many frames, indexed."""
    word = aim["word"].encode()
    low = word.lower()
    requests = {
        ":path": Request([word], b"/" + word),
        "query in :path": Request([word], b"?q=" + word),
        "name": Request([low], fields=[(b"x-" + low, b"1")]),
        "value": Request([word], fields=[(b"x-note", word)]),
        "cookie": Request([word], fields=[(b"cookie", b"a=" + word)]),
        "frames of 5 bytes": Request([word], fields=[(b"x-note", word)], split=5),
        "an entry of the table": Request([word], fields=[(b"x-note", word)], literal=INDEXED),
    }
    for what, request in requests.items():
        yield what, partial(left, aim, request)
