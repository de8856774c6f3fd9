"""The rules of `Depth.FULL`: one search for the candidates of all of them, and the judgement of each.

The data is that of betterleaks. Its rules are compiled into one hyperscan database, which says which rule
may match and where; the rule's own expression, its entropy and what it discards are then judged on the text
around. A comment that tells upstream to look away means nothing here: the agent could write it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import hyperscan
import re2  # type: ignore[import-untyped]
from attrs import field, frozen

from bottle_sidecar.policy.dlp.entropy import bits_per_byte

_REACH = 4096
"""A match of more bytes than this is not judged as a whole: only what of it is within reach of its end."""
_AFTER = 256
_NEAR_BEFORE, _NEAR_AFTER = 150, 50
_CONTEXT = 50

_LATIN1 = re2.Options()
_LATIN1.encoding = re2.Options.Encoding.LATIN1
_LATIN1.log_errors = False


class RuleDataError(ValueError):
    """The rules, or the database made of them, are not what this program wrote."""


def compiled(document: bytes) -> bytes:
    """The database for the rules in `document`, for this kind of processor; takes seconds."""
    expressions = [rule["regex"].encode() for rule in json.loads(document)["rules"]]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    count = len(expressions)
    database.compile(expressions=expressions, ids=list(range(count)), elements=count, flags=0)
    return bytes(hyperscan.dumpb(database))


@frozen(kw_only=True)
class Match:
    """What a rule's expression matched: where in `text`, and the part of it that is the secret."""

    text: bytes = field(repr=False)
    start: int
    end: int
    secret: bytes = field(repr=False)

    def part(self, name: str) -> bytes:
        """What a test looks at: the secret, the match, its line, the words before it, or what is near."""
        if name == "secret":
            return self.secret
        if name == "match":
            return self.text[self.start : self.end]
        if name == "line":
            return self.text[self._line_start : self._line_end]
        if name == "near":
            first = max(self.start - _NEAR_BEFORE, self._line_start)
            return self.text[first : min(self.end + _NEAR_AFTER, self._line_end)]
        before = _WORD_BEFORE.search(self.text[max(self.start - _CONTEXT, self._line_start) : self.start])
        return bytes(before[0]) + self.text[self.start : self.end]

    @property
    def _line_start(self) -> int:
        return self.text.rfind(b"\n", 0, self.start) + 1

    @property
    def _line_end(self) -> int:
        end = self.text.find(b"\n", self.end)
        return end if end >= 0 else len(self.text)


_WORD_BEFORE = re2.compile(rb"[\w.-]*$", options=_LATIN1)


class Test:
    """One test of those that discard a match."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data

    def holds(self, match: Match) -> bool:
        return self._outcome(match) is not bool(self._data.get("not"))

    def _outcome(self, match: Match) -> bool:
        data = self._data
        if "entropy" in data:
            bits = bits_per_byte(match.secret)
            return bool(bits <= data["entropy"] if data["or_equal"] else bits < data["entropy"])
        if "length" in data:
            return bool(_COMPARED[data["length"]](len(match.secret), data["than"]))
        part = match.part(data["of"])
        if "contains" in data:
            lower = part.lower()
            return any(word in lower for word in self._words)
        return bool(self._expression.search(part))

    @cached_property
    def _words(self) -> Sequence[bytes]:
        return [word.lower().encode() for word in self._data["contains"]]

    @cached_property
    def _expression(self) -> Any:
        either = "|".join(f"(?:{expression})" for expression in self._data["matches"])
        return re2.compile(either.encode(), options=_LATIN1)


_COMPARED: Mapping[str, Callable[[int, int], bool]] = {
    "<": int.__lt__, "<=": int.__le__, "==": int.__eq__, ">=": int.__ge__,
}  # fmt: skip


class Discard:
    """What takes a match back: alternatives, each of tests that all hold."""

    def __init__(self, alternatives: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        self._alternatives = [[Test(test) for test in tests] for tests in alternatives]

    def takes_back(self, match: Match) -> bool:
        return any(all(test.holds(match) for test in tests) for tests in self._alternatives)


class Rule:
    """One kind of secret."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.name = str(data["id"])
        self._regex = data["regex"].encode()
        self._keywords = [keyword.lower().encode() for keyword in data["keywords"]]
        self._group: int | None = data.get("group")
        self._discard = Discard(data.get("discard", ()))

    @cached_property
    def _expression(self) -> Any:
        return re2.compile(self._regex, options=_LATIN1)

    def matches(self, text: bytes, common: Discard) -> Iterator[Match]:
        """Those in `text` that nothing takes back."""
        lower = text.lower()
        if self._keywords and not any(keyword in lower for keyword in self._keywords):
            return
        for found in self._expression.finditer(text):
            match = Match(text=text, start=found.start(), end=found.end(), secret=self._secret(found))
            if match.secret and not common.takes_back(match) and not self._discard.takes_back(match):
                yield match

    def _secret(self, found: Any) -> bytes:
        if self._group is not None:
            return bytes(found[self._group] or b"")
        return bytes(next((group for group in found.groups() if group), found[0])).strip()


@frozen(kw_only=True)
class Hit:
    """What a rule found, and where its match stands in the text."""

    rule: str
    secret: bytes = field(repr=False)
    start: int
    end: int


@frozen(kw_only=True)
class RuleData:
    """`document`: the rules as JSON. `database`: what `compiled` makes of it, on this kind of processor."""

    document: bytes = field(repr=False)
    database: bytes = field(repr=False)


class RuleSet:
    """All rules. `load` is called when they are first needed, once. For one thread at a time."""

    def __init__(self, load: Callable[[], RuleData]) -> None:
        self._load = load

    @cached_property
    def _loaded(self) -> "_Loaded":
        return _Loaded(self._load())

    def names(self) -> Sequence[str]:
        """The rules' ids."""
        return [rule.name for rule in self._loaded.rules]

    def candidates(self, text: bytes) -> Mapping[str, tuple[int, int]]:
        """The rules whose expression may match, and where such matches end: the first and the last."""
        return {self._loaded.rules[number].name: ends for number, ends in self._loaded.ends(text).items()}

    def found(self, text: bytes) -> Iterator[Hit]:
        """Each match that nothing takes back."""
        loaded = self._loaded
        for number, (first, last) in sorted(loaded.ends(text).items()):
            rule = loaded.rules[number]
            start = max(0, first - _REACH)
            for match in rule.matches(text[start : last + _AFTER], loaded.common):
                if match.start or not start:  # else its beginning may be cut off
                    yield Hit(
                        rule=rule.name, secret=match.secret, start=start + match.start, end=start + match.end
                    )


class _Loaded:
    def __init__(self, data: RuleData) -> None:
        try:
            document = json.loads(data.document)
            self._database = hyperscan.loadb(data.database, hyperscan.HS_MODE_BLOCK)
            self._database.scratch = hyperscan.Scratch(self._database)
        except (ValueError, hyperscan.error) as error:
            raise RuleDataError(f"the rules cannot be loaded: {error}") from None
        self.rules = [Rule(rule) for rule in document["rules"]]
        self.common = Discard(document["discard"])

    def ends(self, text: bytes) -> Mapping[int, tuple[int, int]]:
        found: dict[int, tuple[int, int]] = {}

        def note(number: int, _start: int, end: int, *_: object) -> None:
            found[number] = (found[number][0] if number in found else end, end)

        self._database.scan(text, match_event_handler=note)
        return found
