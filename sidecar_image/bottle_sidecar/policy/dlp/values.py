"""The bottle's own secrets, compiled into one search for all of their spellings."""

import base64
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote_plus

import hyperscan

from bottle_sidecar.policy.dlp.findings import KnownSecret
from bottle_sidecar.policy.encodings import SHORTEST, encoded_forms

_WHOLE = 128
"""Longer values, in characters, are looked for in pieces of their second half: what a long value begins
with (the header of a token or of a key file) is no secret, and any other piece is one."""
_PIECE = 64
_HEAD = 4
"""So many bytes at the end of a text must fit before they count as the beginning of a secret."""
_SHORTEST_SKELETON = 16

_NOT_ALPHANUMERIC = bytes(byte for byte in range(256) if not (byte < 128 and chr(byte).isalnum()))


def skeleton(text: bytes) -> bytes:
    """The letters and digits alone: what is left of a secret whatever was put between its parts."""
    return text.translate(None, _NOT_ALPHANUMERIC)


class Literals:
    """Byte strings and what each stands for, searched for all at once. For one thread at a time."""

    def __init__(self, meanings: Mapping[bytes, Collection[int]], *, caseless: Collection[int] = ()) -> None:
        self._meanings = tuple(frozenset(numbers) for numbers in meanings.values())
        self._database: hyperscan.Database | None = None
        if not meanings:
            return
        caseless_flag = hyperscan.HS_FLAG_CASELESS
        flags = [
            hyperscan.HS_FLAG_SINGLEMATCH | (caseless_flag if numbers <= set(caseless) else 0)
            for numbers in self._meanings
        ]
        count = len(flags)
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=list(meanings), ids=list(range(count)), elements=count, flags=flags, literal=True
        )

    def found(self, text: bytes) -> frozenset[int]:
        """What the strings that stand in `text` stand for."""
        numbers: list[int] = []
        if self._database is not None and text:
            self._database.scan(text, match_event_handler=lambda number, *_: numbers.append(number))
        return frozenset().union(*(self._meanings[number] for number in numbers)) if numbers else frozenset()


class Heads:
    """Tells whether a text ends in the middle of one of the given byte strings."""

    def __init__(self, forms: Iterable[bytes]) -> None:
        self._forms: dict[bytes, list[bytes]] = {}
        for form in sorted(forms):
            self._forms.setdefault(form[:_HEAD], []).append(form)
        self._longest = max((len(form) for group in self._forms.values() for form in group), default=0)
        self._database: hyperscan.Database | None = None
        if self._forms:
            count = len(self._forms)
            self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            self._database.compile(
                expressions=list(self._forms), ids=list(range(count)), elements=count, flags=0, literal=True
            )

    def live_tail(self, text: bytes) -> int:
        """How many of the last bytes may begin one of them: 0, or at least 4."""
        if self._database is None or len(text) < _HEAD:
            return 0
        tail = text[-self._longest :]
        ends: list[int] = []
        self._database.scan(tail, match_event_handler=lambda _number, _from, end, *_: ends.append(end))
        return max((len(tail) - end + _HEAD for end in ends if self._begins(tail[end - _HEAD :])), default=0)

    def _begins(self, tail: bytes) -> bool:
        return any(form.startswith(tail) for form in self._forms[tail[:_HEAD]])


class KnownSecrets:
    """All spellings of a bottle's secrets; one of fewer than 8 bytes has none that could be told apart."""

    def __init__(self, secrets: Iterable[KnownSecret]) -> None:
        self._secrets: Sequence[KnownSecret] = tuple(secrets)
        forms: dict[bytes, set[int]] = {}
        skeletons: dict[bytes, set[int]] = {}
        beginnings: set[bytes] = set()
        for number, secret in enumerate(self._secrets):
            beginnings |= _spellings(secret.value[:_WHOLE])
            for needle in _needles(secret.value):
                for form in _spellings(needle):
                    forms.setdefault(form, set()).add(number)
                    bare = skeleton(form)
                    if len(bare) >= _SHORTEST_SKELETON:
                        skeletons.setdefault(bare, set()).add(number)
        # A placeholder is made of hexadecimal digits, and host names lose their letters' case.
        caseless = {number for number, secret in enumerate(self._secrets) if secret.honeytoken}
        self._plain = Literals(forms, caseless=caseless)
        self._bare = Literals(skeletons, caseless=caseless)
        self._heads = Heads(beginnings | set(forms))

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def found(self, text: bytes, own: Collection[str]) -> Iterator[KnownSecret]:
        """The secrets spelled in `text`, less the placeholders that belong where it goes."""
        return self._foreign(self._plain.found(text), own)

    def found_apart(self, bare: bytes, own: Collection[str]) -> Iterator[KnownSecret]:
        """The same, in the skeleton of a text."""
        return self._foreign(self._bare.found(bare), own)

    def belongs(self, text: bytes, own: Collection[str]) -> bool:
        """Whether `text` holds a placeholder that belongs where it goes."""
        numbers = self._plain.found(text) if own else frozenset()
        return any(self._secrets[number].owner in own for number in numbers)

    def live_tail(self, text: bytes) -> int:
        """How many of the last bytes of `text` may begin a spelling."""
        return self._heads.live_tail(text)

    def _foreign(self, numbers: frozenset[int], own: Collection[str]) -> Iterator[KnownSecret]:
        for number in sorted(numbers):
            secret = self._secrets[number]
            if not (secret.honeytoken and secret.owner in own):
                yield secret


def _needles(value: str) -> Iterator[str]:
    if len(value) <= _WHOLE:
        yield value
        return
    second_half = value[len(value) // 2 :]
    for start in range(0, len(second_half) - _PIECE, _PIECE):
        yield second_half[start : start + _PIECE]
    yield second_half[-_PIECE:]


def _spellings(value: str) -> set[bytes]:
    plain = value.encode("utf-8", "surrogateescape")
    forms = set(encoded_forms(value)) | _base32_forms(plain) | {quote_plus(plain).encode()}
    return {form for form in forms if len(form) >= SHORTEST and b"\0" not in form}


def _base32_forms(plain: bytes) -> set[bytes]:
    """In each alignment, the letters that the value alone decides, upper and lower case."""
    forms = set()
    for before in range(5):
        first, end = -(-8 * before // 5), 8 * (before + len(plain)) // 5
        form = base64.b32encode(b"\0" * before + plain)[first:end]
        forms |= {form, form.lower()}
    return forms
