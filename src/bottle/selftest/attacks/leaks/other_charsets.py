"""Other charsets."""

from collections.abc import Iterator
from quopri import encodestring
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import body, sent


@attack(
    aim="secrets",
    source="CAPEC-71, using Unicode encoding to bypass validation logic",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets in UTF-16 and UTF-32, with and without their mark, and quoted-printable."""
    word = aim["word"]
    parcels = {}
    for charset in ("utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "utf-32-be"):
        form = word.encode(charset)
        text = f"the word is {word}, and no other".encode(charset)
        line = b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\n"
        parcels[charset] = body(form[4:] if charset == "utf-16" else form, text, line)
        parcels[f"{charset} alone"] = body(form)
    quoted = b"".join(b"=%02X" % byte for byte in word.encode())
    soft = word.encode()[:7] + b"=\r\n" + word.encode()[7:]
    parcels |= {
        "quoted-printable": body(quoted),
        "soft line breaks": body(soft),
        "a mail": body(
            encodestring(aim["phrase"].encode()), b"Subject: x\r\n\r\n" + encodestring(aim["phrase"].encode())
        ),
    }
    yield from sent(aim, parcels)
