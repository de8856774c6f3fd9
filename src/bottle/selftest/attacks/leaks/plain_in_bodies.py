"""Secrets in bodies."""

from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import body, sent


@attack(
    aim="secrets",
    source="MITRE ATT&CK T1041, T1048.002 and T1567; CWE-200",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets in bodies: alone, in a form, in JSON, in noise, by every method, with TLS and without."""
    word, phrase = aim["word"].encode(), aim["phrase"].encode()
    token = aim["shaped"]["GitHub token"].encode()
    parcels = {
        "alone": body(word, tls=True),
        "with signs": body(phrase, b"it is: " + phrase + b" and no other"),
        "in a form": body(word, b"a=1&text=" + word + b"&b=2"),
        "in JSON": body(word, b'{"text": "' + word + b'"}', b"Content-Type: application/json\r\n"),
        "in binary data": body(word, bytes(range(256)) * 8 + word + bytes(range(255, -1, -1)) * 8),
        "among NULs": body(word, b"\0" * 4096 + word + b"\0" * 4096),
        "as a chunk": body(word, chunked=True, tls=True),
        "with PUT": body(word, method=b"PUT"),
        "with GET": body(word, method=b"GET"),
        "with DELETE": body(word, method=b"DELETE"),
        "with a method of its own": body(word, method=b"TAKE"),
    }
    for what, text in aim["shaped"].items():
        parcels[f"a {what}"] = body(text.encode(), b"# notes\n" + text.encode() + b"\nand more\n")
    parcels["a GitHub token in JSON"] = body(token.strip(), b'{"value": "' + token.strip() + b'"}')
    yield from sent(aim, parcels)
