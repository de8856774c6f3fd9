"""Scans whole texts and streams for secrets. One `Scanner` for each bottle, used by one thread at a time."""

from collections.abc import Collection, Iterable, Iterator

from attrs import frozen

from bottle_sidecar.policy.dlp import layers
from bottle_sidecar.policy.dlp.findings import Depth, Finding, KnownSecret, digest
from bottle_sidecar.policy.dlp.rules import Hit, RuleSet
from bottle_sidecar.policy.dlp.values import KnownSecrets, skeleton

OVERLAP = 8 * 1024
"""So many bytes of what was fed are looked at again with what follows; a secret that spans more, encoding
and all, may be missed."""
WINDOW = 64 * 1024
"""What is looked at in one go, in bytes, besides the overlap."""
_NESTED = 3
"""base64 and hex runs are looked into for further runs so many times."""


class Scanner:
    """What a bottle's traffic is scanned for; immutable."""

    def __init__(self, *, known: Iterable[KnownSecret], rules: RuleSet | None = None) -> None:
        self._known = KnownSecrets(known)
        self._rules = rules

    def text(self, data: bytes, *, depth: Depth, place: str, own: Collection[str] = ()) -> Finding | None:
        """The first finding in a whole text, such as a URL, a header or a frame.

        `own`: the token_refs whose placeholders belong where the text goes.
        """
        return self.stream(depth=depth, place=place, own=own).whole(data)

    def stream(self, *, depth: Depth, place: str, own: Collection[str] = ()) -> "ScanStream":
        """A scan of one body, fed as it comes."""
        rules = self._rules if depth is Depth.FULL else None
        return ScanStream(Wanted(known=self._known, rules=rules, own=frozenset(own)), place)


class ScanStream:
    """One body. Memory is bounded, whatever the body's size."""

    def __init__(self, wanted: "Wanted", place: str) -> None:
        self._wanted = wanted
        self._place = place
        self._tail = b""
        self._fed = 0
        self._held = 0
        self._is_open = False
        self._reported: set[Finding] = set()

    def feed(self, data: bytes) -> Finding | None:
        """What is found in all that was fed, across the borders of feeds, and was not returned before.

        Of several findings the one with the most telling rule.
        """
        return self._told(self._look(data, is_last=False))

    def finish(self) -> Finding | None:
        """What only the end of the body decides; nothing is held any longer."""
        return self._told(self._look(b"", is_last=True) if self._is_open else ())

    def whole(self, data: bytes) -> Finding | None:
        """`feed` and `finish` at once."""
        return self._told(self._look(data, is_last=True))

    def _look(self, data: bytes, *, is_last: bool) -> Iterator[Finding]:
        for start in range(0, len(data) or 1, WINDOW):
            piece = data[start : start + WINDOW]
            window = self._tail + piece
            look = Look(
                self._wanted,
                self._place,
                is_first=self._fed <= len(self._tail),
                is_last=is_last and start + WINDOW >= len(data),
            )
            look.through(window)
            yield from look.findings
            self._fed += len(piece)
            self._held, self._is_open = min(look.held, self._fed), look.is_open
            self._tail = window[-OVERLAP:]

    def _told(self, findings: Iterable[Finding]) -> Finding | None:
        fresh = [finding for finding in findings if finding not in self._reported]
        self._reported.update(fresh)
        return min(fresh, key=_vagueness, default=None)

    @property
    def held(self) -> int:
        """How many of the last bytes fed may begin a known secret, or be one that a rule describes.

        They must not leave before more was fed. At most `OVERLAP`, and it may count bytes that were let go
        before, which cannot be helped.
        """
        return self._held


def _vagueness(finding: Finding) -> bool:
    return finding.rule.startswith("generic-")


@frozen(kw_only=True)
class Wanted:
    """What one text is searched for."""

    known: KnownSecrets
    rules: RuleSet | None
    own: frozenset[str]

    def spelled(self, text: bytes, place: str) -> Iterator[Finding]:
        """Known secrets."""
        for secret in self.known.found(text, self.own):
            yield Finding.of_known(secret, place)

    def matched(self, text: bytes) -> Iterator[Hit]:
        """What rules describe, less placeholders that belong where the text goes."""
        for hit in () if self.rules is None else self.rules.found(text):
            if not self.known.belongs(hit.secret, self.own):
                yield hit

    def found_apart(self, bare: bytes, place: str) -> Iterator[Finding]:
        """Known secrets with something between their parts."""
        for secret in self.known.found_apart(bare, self.own):
            yield Finding.of_known(secret, place)


class Look:
    """One look at one window: what was found, and how much of its end may belong to a secret.

    `is_first`, `is_last`: whether the text begins and ends with the window. What a rule matches at a border
    that is a cut may be a part of something else: at the beginning it was judged before, at the end it is
    held, and judged with what follows (`is_open`).
    """

    def __init__(self, wanted: Wanted, place: str, *, is_first: bool, is_last: bool) -> None:
        self._wanted = wanted
        self._place = place
        self._is_first = is_first
        self._is_last = is_last
        self.findings: list[Finding] = []
        self.held = 0
        self.is_open = False

    def through(self, window: bytes) -> None:
        self.findings += self._wanted.spelled(window, self._place)
        self._match(window, is_cut=not self._is_first)
        self._beneath(window, _NESTED)
        self.held = 0 if self._is_last else max(self.held, self._wanted.known.live_tail(window))

    def _match(self, text: bytes, *, is_cut: bool = False) -> None:
        for hit in self._wanted.matched(text):
            if hit.end == len(text) and not self._is_last:
                self.held, self.is_open = OVERLAP, True
            elif hit.start or not is_cut:
                self.findings.append(Finding(rule=hit.rule, place=self._place, digest=digest(hit.secret)))

    def _beneath(self, text: bytes, nested: int) -> None:
        """What a text holds that is written in another way; `nested`: so many wrappings more."""
        first = last = layers.legible(text)
        if first is not text:
            self._layer(first)
        for last in layers.unescaped(first):
            self._known(last)
        lines = layers.parameters(last)
        if lines is not first:
            self._match(lines)
        self._spaced(first)
        self._apart(last)
        if nested:
            self._inside(layers.quoted_printable_layers(last), nested - 1)
            self._inside(layers.held_in_runs(last), nested - 1)
            self._inside(layers.listed_bytes(last), nested - 1)

    def _spaced(self, text: bytes) -> None:
        """Rules look for the spaces of a form. What of it is base64 has a `+` that is none."""
        spaced = layers.spaced(text)
        if spaced is not text:
            *_, last = spaced, *layers.unescaped(spaced)
            self._match(layers.parameters(last))

    def _inside(self, inner: Iterable[bytes], nested: int) -> None:
        for text in inner:
            self._layer(text)
            self._beneath(text, nested)

    def _layer(self, text: bytes) -> None:
        self._known(text)
        self._match(text)

    def _known(self, text: bytes) -> None:
        """A layer ends where the window ends, but not byte for byte: so all that is kept is held."""
        self.findings += self._wanted.spelled(text, self._place)
        if self._wanted.known.live_tail(layers.without_partial_escape(text)):
            self.held = OVERLAP

    def _apart(self, text: bytes) -> None:
        """What is there once the words between values, or all signs, are taken away."""
        joined = layers.joined(text)
        if joined != text:
            self._known(joined)
            self.findings += self._wanted.found_apart(skeleton(joined), self._place)
        self.findings += self._wanted.found_apart(skeleton(text), self._place)
