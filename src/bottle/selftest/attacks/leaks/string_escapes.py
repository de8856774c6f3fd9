"""String escapes."""

import json
from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, body, sent


@attack(
    aim="secrets",
    source="RFC 8259, 7; CAPEC-267, leverage alternate encoding",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    r"""Sends secrets with the escapes of JSON, JavaScript and C, and in JSON within JSON within JSON."""
    word, phrase = aim["word"], aim["phrase"]
    unicode = "".join(f"\\u{ord(letter):04x}" for letter in word)
    nested = json.dumps(phrase)
    levels = {}
    for level in range(1, 6):
        levels[f"JSON, {level} levels"] = body(nested.encode(), b'{"text":' + nested.encode() + b"}")
        nested = json.dumps('{"text":' + nested + "}")
    forms = {
        "unicode": unicode,
        "unicode, upper case": "".join(f"\\u{ord(letter):04X}" for letter in word),
        "some unicode": "".join(
            f"\\u{ord(letter):04x}" if at % 4 == 0 else letter for at, letter in enumerate(word)
        ),
        "braces": "".join(f"\\u{{{ord(letter):x}}}" for letter in word),
        "long unicode": "".join(f"\\U{ord(letter):08x}" for letter in word),
        "bytes": "".join(f"\\x{ord(letter):02x}" for letter in word),
        "octal": "".join(f"\\{ord(letter):03o}" for letter in word),
        "unicode twice": json.dumps(unicode)[1:-1],
        "escaped slashes": phrase.replace('"', '\\"').replace("/", "\\/"),
    }
    parcels = {
        what: body(form.encode(), b'{"text":"' + form.encode() + b'"}') for what, form in forms.items()
    }
    header = Parcel([unicode.encode()], b"GET", lines=b"X-Note: " + unicode.encode() + b"\r\n")
    yield from sent(aim, levels | parcels | {"unicode in a header": header})
