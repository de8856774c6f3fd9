"""Finds noise where names belong: in host labels, path segments and query values.

A secret that no rule knows, or a piece of one, can leave as a name. What is random *and* long *and* not of a
shape that names have every day is reported. The limits are those of `Limits`: a text of random letters of
base64 has about 5 bits a byte at 40 letters, words and numbers joined by hyphens have below 4.
"""

import re
from collections import Counter
from collections.abc import Iterator
from math import log2
from urllib.parse import unquote_to_bytes

from attrs import frozen

from bottle_sidecar.policy.dlp.findings import Finding, digest


def bits_per_byte(text: bytes) -> float:
    """Shannon's entropy of the bytes, between 0 and 8."""
    total = len(text)
    return -sum(count / total * log2(count / total) for count in Counter(text).values())


@frozen(kw_only=True)
class Limits:
    """From which length, in bytes, and which entropy, in bits a byte, a name is noise.

    `mixed`: with upper and lower case letters and digits, as base64 has. `single`: in one case of letters,
    with digits, as base32 has. Hexadecimal digits alone are noise from `hexadecimal` bytes on.
    """

    mixed: tuple[int, float]
    single: tuple[int, float]
    hexadecimal: int

    def exceeded(self, word: bytes) -> bool:
        """Whether a name without separators is noise."""
        if _HEX.fullmatch(word):
            return len(word) >= self.hexadecimal and bits_per_byte(word) > 3.0
        if not _DIGIT.search(word) or word.isdigit():
            return False
        is_mixed = _UPPER.search(word) and _LOWER.search(word)
        shortest, bits = self.mixed if is_mixed else self.single
        return len(word) >= shortest and bits_per_byte(word) >= bits and _changes(word) * 8 >= len(word)


_HEX = re.compile(rb"[0-9a-fA-F]+")
_DIGIT = re.compile(rb"[0-9]")
_UPPER = re.compile(rb"[A-Z]")
_LOWER = re.compile(rb"[a-z]")
_CLASS = bytes(
    ord("d") if chr(byte).isdigit() else ord("u") if chr(byte).isupper() else ord("l") for byte in range(256)
)
_CHANGE = re.compile(rb"(?=du|dl|ud|ul|ld|lu)")


def _changes(word: bytes) -> int:
    """How often letters of one case, the other case, and digits follow each other: words keep to one."""
    return len(_CHANGE.findall(word.translate(_CLASS)))


LABEL = Limits(mixed=(20, 3.5), single=(26, 3.5), hexadecimal=41)
"""A host label has 63 letters and no case; 40 hexadecimal digits are a commit's name."""
SEGMENT = Limits(mixed=(40, 4.2), single=(48, 3.9), hexadecimal=129)
"""A SHA-512 in hexadecimal has 128 digits; longer ones are no digest."""
VALUE = Limits(mixed=(52, 4.4), single=(52, 3.9), hexadecimal=129)
"""OAuth's `code` and `state`, a page's cursor and a signature may be long: `_OPAQUE` names them."""

_OPAQUE = frozenset(
    b"code state nonce code_challenge code_verifier cursor continuation after before page_token pagetoken "
    b"next_token id_token_hint sig signature se sv sp sr x-amz-signature x-amz-credential "
    b"x-amz-security-token x-goog-signature x-goog-credential integrity etag session_id rsc "
    b"skoid sktid skt ske sks skv jwt response-content-disposition".split()
)
_LONGEST_OPAQUE = 512
_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SEPARATORS = re.compile(rb"[^0-9A-Za-z_+/=-]+")
_WORDS = re.compile(rb"[-_+/=]+")
_LONGEST_LABELS = 120
"""Host names with more bytes than this below the registered domain carry data."""


def host_finding(host: str) -> Finding | None:
    """Noise in the labels of a host name, in ASCII."""
    labels = host.encode("ascii", "replace").lower().split(b".")
    below = labels[:-2]
    if len(b".".join(below)) > _LONGEST_LABELS:
        return _finding(b".".join(below), "host")
    for label in below:
        if not label.startswith(b"xn--") and any(map(LABEL.exceeded, _candidates(label))):
            return _finding(label, "host")
    return None


def target_finding(target: str) -> Finding | None:
    """Noise in the path segments and query values of a request target, such as `/path?name=value`."""
    path, _, query = target.encode("utf-8", "surrogateescape").partition(b"?")
    for segment in unquote_to_bytes(path).split(b"/"):
        if any(map(SEGMENT.exceeded, _candidates(segment))):
            return _finding(segment, "url")
    for name, value in _parameters(query):
        if name.lower() in _OPAQUE and len(value) <= _LONGEST_OPAQUE:
            continue
        if any(map(VALUE.exceeded, _candidates(value))):
            return _finding(value, "url")
    return None


def _parameters(query: bytes) -> Iterator[tuple[bytes, bytes]]:
    for pair in re.split(rb"[&;]", query):
        name, _, value = pair.partition(b"=")
        yield (unquote_to_bytes(name), unquote_to_bytes(value)) if value else (b"", unquote_to_bytes(name))


def _candidates(text: bytes) -> Iterator[bytes]:
    """The parts between dots and the like; base64url's own signs divide words, and noise only by chance."""
    for part in _SEPARATORS.split(_UUID.sub(b"", text)):
        words = _WORDS.split(part)
        if max(map(len, words)) >= 12:
            yield b"".join(words)


def _finding(text: bytes, place: str) -> Finding:
    return Finding(rule="entropy", place=place, digest=digest(text))
