"""Lists of numbers."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, body, sent


@attack(
    aim="secrets",
    source="MITRE ATT&CK T1132.002, non-standard encoding; JSON.stringify of a Buffer in Node.js",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets as lists of numbers, as JSON, C, JavaScript and od write bytes."""
    word = aim["word"].encode()
    numbers = json.dumps(list(word)).encode()
    forms = {
        "JSON": numbers,
        "JSON without blanks": numbers.replace(b" ", b""),
        "JSON over many lines": json.dumps(list(word), indent=8).encode(),
        "a Buffer": json.dumps({"type": "Buffer", "data": list(word)}).encode(),
        "JavaScript": b"String.fromCharCode(" + numbers[1:-1] + b")",
        "C": b"{ " + b", ".join(b"0x%02x" % byte for byte in word) + b" }",
        "od": b" ".join(b"%3d" % byte for byte in word),
        "base64 of JSON": b64encode(numbers),
    }
    parcels = {what: body(form) for what, form in forms.items()}
    parcels["JSON, a byte a chunk"] = Parcel(
        [numbers], pieces=[numbers[at : at + 1] for at in range(len(numbers))], chunked=True
    )
    token = json.dumps(list(aim["shaped"]["GitHub token"].encode())).encode()
    parcels["a token that rules know"] = body(token)
    yield from sent(aim, parcels)
