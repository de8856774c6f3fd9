"""Masks secrets in what comes back, byte for byte, so that lengths and framing stay as they are.

A masked byte is `*`. All occurrences count, overlapping ones too, so the result does not depend on how
the bytes were cut into chunks. Only a tail that is the beginning of a secret's spelling is held back.
"""

from collections.abc import Iterable, Iterator

from bottle_sidecar.policy.encodings import encoded_forms

_MASK = b"*"

Span = tuple[int, int]


class Needles:
    """The spellings of a set of secrets, ready to be searched for; shared by all streams of a bottle.

    A secret of fewer than `SHORTEST` bytes has no spelling worth masking.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {form for secret in secrets for form in encoded_forms(secret)}
        self.forms = tuple(sorted(found, key=len))
        self.longest = max(map(len, self.forms), default=0)
        heads: dict[bytes, list[bytes]] = {}
        for form in self.forms:
            heads.setdefault(form[:1], []).append(form)
        self._heads = tuple(heads.items())

    def spans(self, data: bytes) -> Iterator[Span]:
        """Where a spelling stands in `data`; spans may overlap and are in no order."""
        for form in self.forms:
            start = data.find(form)
            while start >= 0:
                yield start, start + len(form)
                start = data.find(form, start + 1)

    def live_tail(self, data: bytes) -> int:
        """How many bytes at the end of `data` could be the beginning of a spelling: the longest such tail."""
        first = max(0, len(data) - self.longest + 1)
        longest = 0
        for head, forms in self._heads:
            start = data.find(head, first)
            while 0 <= start < len(data) - longest:
                if any(form.startswith(data[start:]) for form in forms):
                    longest = len(data) - start
                start = data.find(head, start + 1)
        return longest


class Masker:
    """One stream of response bytes: `feed` what comes, send what it returns, and `finish` at the end."""

    def __init__(self, secrets: "Iterable[str] | Needles") -> None:
        self._needles = secrets if isinstance(secrets, Needles) else Needles(secrets)
        self._tail = b""
        self._masked: list[Span] = []

    def feed(self, data: bytes) -> bytes:
        """The bytes that are settled, masked; empty where all of them could still become a secret."""
        whole = self._tail + data if self._tail else data
        spans = [*self._masked, *self._needles.spans(whole)]
        held = self._needles.live_tail(whole)
        if not spans and not held:
            self._tail = b""
            return whole
        end = len(whole) - held
        self._tail = whole[end:]
        self._masked = [(max(0, start - end), stop - end) for start, stop in spans if stop > end]
        return _masked(whole[:end], spans)

    def finish(self) -> bytes:
        """What was held back; the stream starts anew."""
        rest = _masked(self._tail, self._masked)
        self._tail, self._masked = b"", []
        return rest

    def mask(self, data: bytes) -> bytes:
        """A whole message, apart from the stream."""
        return _masked(data, list(self._needles.spans(data)))

    def mask_text(self, text: str) -> str:
        """A whole text, such as a header's value."""
        return self.mask(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _masked(data: bytes, spans: list[Span]) -> bytes:
    if not spans:
        return data
    result = bytearray(data)
    for start, stop in spans:
        result[start:stop] = _MASK * (min(stop, len(data)) - start)
    return bytes(result)
