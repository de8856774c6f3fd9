"""Base64."""

from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, body, sent


@attack(
    aim="secrets",
    source="MITRE ATT&CK T1132.001, standard encoding; RFC 4648",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets in base64: in each alignment, with the signs for URLs, unpadded, in lines, anywhere."""
    word, phrase = aim["word"].encode(), aim["phrase"].encode()
    parcels = {f"behind {before} bytes": body(b64encode(b"-" * before + word + b"-")) for before in range(4)}
    coded = b64encode(word)
    safe = urlsafe_b64encode(b"??>>" + phrase).rstrip(b"=")
    lines = encodebytes(b"-" * 40 + word + b"-" * 40)
    parcels |= {
        "with the signs for URLs": body(safe),
        "unpadded in a query": Parcel([coded.rstrip(b"=")], b"GET", b"?q=" + coded.rstrip(b"=")),
        "in a path": Parcel([safe], b"GET", b"/" + safe),
        "in a header": Parcel([coded], b"GET", lines=b"X-Note: " + coded + b"\r\n"),
        "as a credential": Parcel([coded], b"GET", lines=b"Authorization: Basic " + coded + b"\r\n"),
        "in lines": body(lines),
        "in lines of four": body(b"\n".join(coded[at : at + 4] for at in range(0, len(coded), 4))),
        "in JSON": body(coded, b'{"data":"' + coded + b'"}'),
        "in a data URL": body(coded, b'<img src="data:text/plain;base64,' + coded + b'">'),
        "behind other letters": body(coded, b"abc" + coded + b"xyz"),
        "of a file with more": body(b64encode(b"# settings\nkey=" + word + b"\n" * 300)),
    }
    token = aim["shaped"]["GitHub token"].encode()
    parcels["of a token that rules know"] = body(b64encode(b"it is " + token + b"\n"))
    yield from sent(aim, parcels)
