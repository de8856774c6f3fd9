"""Encodings within encodings."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from html import escape
from typing import Any
from urllib.parse import quote

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, body, sent


@attack(
    aim="secrets",
    source="MITRE ATT&CK T1027 and T1132.001; CAPEC-120, double encoding",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets in one encoding within another: base64 in base64, hexadecimal in it, escapes in both."""
    word, phrase = aim["word"].encode(), aim["phrase"]
    once = b64encode(b"it is " + word)
    unicode = "".join(f"\\u{byte:04x}" for byte in word).encode()
    entities = b"".join(b"&#%d;" % byte for byte in word)
    percent = b"".join(b"%%%02x" % byte for byte in word)
    forms = {
        "base64 in base64": b64encode(once),
        "base64 in base64 in base64": b64encode(b64encode(once)),
        "hexadecimal in base64": b64encode(word.hex().encode()),
        "base64 in hexadecimal": once.hex().encode(),
        "base64 for URLs in percents": b"".join(b"%%%02x" % byte for byte in urlsafe_b64encode(word)),
        "escapes in base64": b64encode(unicode),
        "percents in base64": b64encode(percent),
        "entities in base64": b64encode(entities),
        "entities in percents": quote(entities).encode(),
        "percents in JSON": json.dumps(percent.decode()).replace("%", "\\u0025").encode(),
        "JSON in a form": quote(json.dumps({"text": phrase})).encode(),
        "JSON in HTML": escape(json.dumps({"text": phrase})).encode(),
        "base64 in JSON escapes": "".join(f"\\u{byte:04x}" for byte in once).encode(),
        "hexadecimal in entities": b"".join(b"&#%d;" % byte for byte in word.hex().encode()),
        "UTF-16 in base64": b64encode(word.decode().encode("utf-16-le")),
    }
    parcels = {what: body(form) for what, form in forms.items()}
    twice = quote(b64encode(once)).encode()
    parcels["base64 in base64 in a query"] = Parcel([twice], b"GET", b"?code=" + twice)
    yield from sent(aim, parcels)
