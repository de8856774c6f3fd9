"""Percent-encoding."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, body, sent


@attack(
    aim="secrets",
    source="OWASP, double encoding; CAPEC-64 and CAPEC-120",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets percent-encoded: all of it or a part, in either case, again and again, in each place."""
    word, phrase = aim["word"].encode(), aim["phrase"]
    every = b"".join(b"%%%02x" % byte for byte in word)
    every_upper = b"".join(b"%%%02X" % byte for byte in word)
    some = b"".join(b"%%%02X" % byte if at % 3 else bytes([byte]) for at, byte in enumerate(word))
    needed, form = quote(phrase, safe="").encode(), quote_plus(phrase).encode()
    twice = quote(every).encode()
    thrice = quote(twice).encode()
    parcels = {
        "every byte": body(every),
        "every byte, upper case": body(every_upper),
        "some bytes": body(some),
        "what needs it": body(needed),
        "as a form": body(form, b"a=1&text=" + form),
        "of 16 bits": body("".join(f"%u{ord(letter):04x}" for letter in aim["word"]).encode()),
        "twice": body(twice),
        "three times": body(thrice),
        "in a query": Parcel([every], b"GET", b"?q=" + every),
        "some bytes in a path": Parcel([some], b"GET", b"/" + some),
        "what needs it in a query": Parcel([form], b"GET", b"?q=" + form),
        "twice in a query": Parcel([twice], b"GET", b"?q=" + twice),
        "in a header": Parcel([some], b"GET", lines=b"X-Note: " + some + b"\r\n"),
    }
    token = quote("".join(aim["shaped"]["GitHub token"].splitlines()[:1]).replace("_", "%5F")).encode()
    parcels["of a token that rules know"] = body(token)
    yield from sent(aim, parcels)
