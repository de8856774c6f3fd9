"""Multipart forms."""

from base64 import encodebytes
from collections.abc import Iterator
from quopri import encodestring
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import body, sent

_BASE64, _QUOTED = (
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
)


@attack(
    aim="secrets",
    source="RFC 7578; RFC 2046; CVE-2022-48279 (ModSecurity, multipart read in another way)",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets in a file of a form, its name, its preamble, its boundary, and transfer-encoded parts."""
    word, phrase = aim["word"].encode(), aim["phrase"].encode()
    percent = b"".join(b"%%%02X" % byte for byte in word)
    quoted, coded = encodestring(phrase), encodebytes(b"the word is " + word + b"\n")
    all_quoted = b"".join(b"=%02X" % byte for byte in word)
    forms = {
        "file": (word, _form(b"\r\n\r\n" + word)),
        "name of a file": (word, _form(b'; filename="' + word + b'.txt"\r\n\r\nx')),
        "encoded name of a file": (percent, _form(b"; filename*=UTF-8''" + percent + b"\r\n\r\nx")),
        "header of a part": (word, _form(b"\r\nX-Note: " + word + b"\r\n\r\nx")),
        "preamble": (word, word + b"\r\n" + _form(b"\r\n\r\nx")),
        "epilogue": (word, _form(b"\r\n\r\nx") + b"\r\n" + word),
        "base64": (coded, _form(b"\r\n" + _BASE64 + b"\r\n" + coded)),
        "quoted-printable": (quoted, _form(b"\r\n" + _QUOTED + b"\r\n" + quoted)),
        "quoted-printable, every byte": (all_quoted, _form(b"\r\n" + _QUOTED + b"\r\n" + all_quoted)),
    }
    parcels = {what: body(form, text, _kind(b"frontier")) for what, (form, text) in forms.items()}
    boundary = b"--" + word + b"--\r\n"
    parcels["boundary"] = body(word, boundary, _kind(word))
    yield from sent(aim, parcels)


def _form(part: bytes) -> bytes:
    return b'--frontier\r\nContent-Disposition: form-data; name="a"' + part + b"\r\n--frontier--\r\n"


def _kind(boundary: bytes) -> bytes:
    return b"Content-Type: multipart/form-data; boundary=" + boundary + b"\r\n"
