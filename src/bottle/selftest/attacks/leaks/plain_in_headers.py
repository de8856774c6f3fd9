"""Secrets in headers."""

from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, sent


@attack(
    aim="secrets",
    source="MITRE ATT&CK T1071.001, web protocols (data in HTTP headers and cookies)",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets as value and as name of a header, as cookie, as credential of the agent's own."""
    word, slack = aim["word"].encode(), aim["shaped"]["Slack token"].splitlines()[0].encode()
    lines = {
        "a value": b"X-Note: " + word,
        "the end of a value": b"X-Note: of no use whatever " + word,
        "a name": b"X-" + word + b": 1",
        "a cookie": b"Cookie: a=1; b=" + word,
        "a user agent": b"User-Agent: Mozilla/5.0 (" + word + b")",
        "a credential": b"Authorization: Bearer " + word,
        "an API key": b"X-Api-Key: " + word,
        "a referrer": b"Referer: https://www.example.com/" + word,
        "a content type": b"Content-Type: text/plain; title=" + word,
        "an ETag": b'If-None-Match: "' + word + b'"',
    }
    parcels = {what: Parcel([word], b"GET", lines=line + b"\r\n") for what, line in lines.items()}
    parcels["a value, with TLS"] = Parcel([word], b"GET", lines=b"X-Note: " + word + b"\r\n", tls=True)
    parcels["a Slack token"] = Parcel([slack], b"GET", lines=b"X-Note: " + slack + b"\r\n")
    yield from sent(aim, parcels)
