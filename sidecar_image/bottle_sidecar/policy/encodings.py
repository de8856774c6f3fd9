"""The spellings in which a secret comes back or goes out: what `masking` and the honeytokens look for."""

import base64
import html
import json
import re
from urllib.parse import quote

SHORTEST = 8
"""Shorter values and fragments, in bytes, occur by chance and are not looked for."""

_TRIPLET = re.compile(rb"%[0-9A-F]{2}")
_URL_SAFE_SETS = ("", "/", "-._~!$&'()*+,;=:@/?")


def encoded_forms(secret: str) -> tuple[bytes, ...]:
    """Every spelling of `secret`, longest first: plain, base64 in any alignment, hex, percent, JSON, HTML.

    The base64 forms hold only the characters that the secret alone decides, whatever stands around it.
    """
    forms = _escaped(secret)
    for plain in {secret.encode("utf-8"), secret.encode("latin-1", "replace")}:
        forms |= {plain, plain.hex().encode(), plain.hex().upper().encode()}
        forms |= _base64_forms(plain) | _percent_forms(plain)
    return tuple(
        sorted((form for form in forms if len(form) >= SHORTEST), key=lambda form: (-len(form), form))
    )


def _base64_forms(plain: bytes) -> set[bytes]:
    forms = set()
    for before in range(3):
        first, end = -(-8 * before // 6), 8 * (before + len(plain)) // 6
        standard = base64.b64encode(b"\0" * before + plain)[first:end]
        forms |= {standard, standard.replace(b"+", b"-").replace(b"/", b"_")}
    return forms


def _percent_forms(plain: bytes) -> set[bytes]:
    upper = {quote(plain, safe=safe).encode() for safe in _URL_SAFE_SETS}
    upper.add(b"".join(b"%%%02X" % byte for byte in plain))
    return upper | {_TRIPLET.sub(lambda match: match[0].lower(), form) for form in upper}


def _escaped(secret: str) -> set[bytes]:
    texts = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    texts |= {text.replace("/", "\\/") for text in texts}
    texts |= {html.escape(secret), html.escape(secret, quote=False)}
    return {text.encode("utf-8") for text in texts}
