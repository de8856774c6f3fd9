"""Hexadecimal and base32."""

from base64 import b32encode
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
    """Sends secrets in hexadecimal and in base32, in either case, with signs between the bytes."""
    word = aim["word"].encode()
    low, up = word.hex().encode(), word.hex().upper().encode()
    base32 = b32encode(word).rstrip(b"=")
    parcels = {
        "lower case": body(low),
        "upper case": body(up),
        "behind one digit": body(low, b"a" + low + b"b"),
        "with colons": body(word.hex(":").encode()),
        "with blanks": body(word.hex(" ").encode()),
        "with 0x": body(b"0x" + low),
        "in a query": Parcel([low], b"GET", b"?q=" + low),
        "in a path": Parcel([low], b"GET", b"/" + low),
        "in a header": Parcel([low], b"GET", lines=b"X-Note: " + low + b"\r\n"),
        "base32": body(base32),
        "base32 in lower case": body(base32.lower()),
        "base32 in a path": Parcel([base32], b"GET", b"/" + base32),
        "of a token that rules know": body(aim["shaped"]["GitHub token"].encode().hex().encode()),
    }
    yield from sent(aim, parcels)
