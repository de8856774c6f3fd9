"""Reads the expressions by which betterleaks discards matches, and keeps what can be decided here.

An expression becomes alternatives, each a list of tests that must all hold. What it asks of paths, of a
tokenizer, or of pieces of text that are cut out by hand counts as not true, so that too much is found, and
never too little.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

Test = dict[str, object]
Alternatives = list[list[Test]]
NEVER: Alternatives = []

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)|(?P<raw>`[^`]*`)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<name>[A-Za-z_]\w*)|(?P<sign>\|\||&&|[<>=!]=|.)""",
    re.DOTALL,
)
_TARGETS: Mapping[str, str] = {
    'finding["secret"]': "secret",
    'finding["match"]': "match",
    'finding["line"]': "line",
    "genericMatchContext": "context",
    "providerMatchContext": "near",
}
_LISTS = {"matchesAny": "matches", "containsAny": "contains"}
_MOST_ALTERNATIVES = 200


class Unreadable(Exception):  # noqa: N818 - it ends the reading of one part
    """A part of an expression that has no meaning here."""


class Filter:
    """One expression, read once."""

    def __init__(self, text: str) -> None:
        self._tokens = [match[0] for match in _TOKEN.finditer(text) if match.lastgroup != "space"]
        self._at = 0
        self._named: dict[str, Alternatives] = {}
        self.left_out = 0

    def read(self) -> Alternatives:
        """What discards a match; empty where nothing of it could be read."""
        return self._block(negated=False)

    def _block(self, *, negated: bool) -> Alternatives:
        while self._peek() == "let":
            self._definition()
        return self._any(negated=negated)

    def _definition(self) -> None:
        name, start = self._tokens[self._at + 1], self._at + 3
        end = self._end_of_statement(start)
        self._at = start
        try:
            found = self._any(negated=False)
            if self._at == end and name not in _TARGETS:
                self._named[name] = found
        except Unreadable:
            pass
        self._at = end + 1

    def _end_of_statement(self, start: int) -> int:
        depth = 0
        for at in range(start, len(self._tokens)):
            depth += (self._tokens[at] in "([{") - (self._tokens[at] in ")]}")
            if self._tokens[at] == ";" and not depth:
                return at
        raise Unreadable

    def _any(self, *, negated: bool) -> Alternatives:
        parts = [self._all(negated=negated)]
        while self._peek() == "||":
            self._at += 1
            parts.append(self._all(negated=negated))
        return _both(parts) if negated else [tests for part in parts for tests in part]

    def _all(self, *, negated: bool) -> Alternatives:
        parts = [self._one(negated=negated)]
        while self._peek() == "&&":
            self._at += 1
            parts.append(self._one(negated=negated))
        return [tests for part in parts for tests in part] if negated else _both(parts)

    def _one(self, *, negated: bool) -> Alternatives:
        if self._peek() == "!":
            self._at += 1
            return self._one(negated=not negated)
        if self._peek() == "(":
            self._at += 1
            found = self._block(negated=negated)
            self._expect(")")
            return found
        words = list(self._words())
        test = self._test(words)
        if test is None:
            named = self._named.get("".join(words))
            if named is not None and not negated:
                return named
            self.left_out += 1
            return NEVER
        return [[{**test, "not": True} if negated else test]]

    def _words(self) -> Iterator[str]:
        """Up to the sign that ends a simple statement."""
        depth = 0
        while (word := self._peek()) is not None:
            if not depth and word in {"||", "&&", ")", ";"}:
                return
            depth += (word in "([{") - (word in ")]}")
            self._at += 1
            yield word

    def _test(self, words: Sequence[str]) -> Test | None:
        called, _, arguments = "".join(words).partition("(")
        if called in _LISTS:
            target = next((name for text, name in _TARGETS.items() if arguments.startswith(f"{text},")), None)
            strings = [_string(word) for word in words if word[0] in '`"']
            if target in {"secret", "match", "line"}:
                strings = strings[1:]  # the name of the field itself
            return None if target is None else {_LISTS[called]: strings, "of": target}
        compared = re.fullmatch(r'(entropy|len)\(finding\["secret"\]\)([<>=]=?)([\d.]+)', "".join(words))
        if compared is None or len(words) != 9 or compared[2] == ">":
            return None
        if compared[1] == "entropy":
            return {"entropy": float(compared[3]), "or_equal": compared[2] == "<="}
        return {"length": compared[2], "than": int(compared[3])}

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _expect(self, word: str) -> None:
        if self._peek() != word:
            raise Unreadable
        self._at += 1


def _both(parts: Sequence[Alternatives]) -> Alternatives:
    found = [[test for tests in chosen for test in tests] for chosen in product(*parts)]
    if len(found) > _MOST_ALTERNATIVES:
        raise Unreadable
    return found


def _string(token: str) -> str:
    if token[0] == "`":
        return token[1:-1]
    return re.sub(r"\\(.)", lambda match: match[1] if match[1] in '"\\' else match[0], token[1:-1])
