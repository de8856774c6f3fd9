"""What stays out of a bottle's workspace: the patterns of `.bottleignore`, with .dockerignore's meaning.

A pattern is matched name by name on the way down a tree, never by one expression over a whole path: the file
may come with a repository, and no pattern in it shall be able to keep us busy.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from attrs import field, frozen

from bottle.errors import BottleError

FILE_NAME = ".bottleignore"
_DEEP = "**"
_LARGEST = 1 << 20
_WILD = re.compile(r"[*?\[\\]")


class PatternError(ValueError):
    """A pattern means nothing."""


@frozen
class Pattern:
    """One line: `*`, `?` and `[a-z]` within a name, `**` for any number of folders, `!` for an exception.

    Raises PatternError.
    """

    text: str
    takes_back: bool = field(init=False)
    parts: tuple[re.Pattern[str] | None, ...] = field(init=False, eq=False, repr=False)
    """For each name of a path; None for `**`."""

    @takes_back.default
    def _(self) -> bool:
        return self.text.startswith("!")

    @parts.default
    def _(self) -> tuple[re.Pattern[str] | None, ...]:
        path = posixpath.normpath(self.text.removeprefix("!").strip()).lstrip("/")
        if not self.text.removeprefix("!").strip():
            raise PatternError("a '!' needs a pattern behind it")
        return tuple(None if name == _DEEP else _compiled(name) for name in path.split("/") if name != ".")

    @property
    def named(self) -> PurePosixPath | None:
        """The one path that it matches; None where there may be several."""
        if self.takes_back or _WILD.search(self.text):
            return None
        path = PurePosixPath(posixpath.normpath(self.text).lstrip("/"))
        return path if path.parts and ".." not in path.parts else None

    def start(self) -> frozenset[int]:
        return self._closed({0}) if self.parts else frozenset()

    def step(self, places: frozenset[int], name: str) -> frozenset[int]:
        """`places`: how many of the parts may have been passed. The number of all: it matches here."""
        found = set()
        for place in places:
            part = self.parts[place]
            if part is None:
                found |= {place, place + 1}
            elif part.fullmatch(name):
                found.add(place + 1)
        return self._closed(found)

    def matches(self, places: frozenset[int]) -> bool:
        return len(self.parts) in places

    def _closed(self, places: set[int]) -> frozenset[int]:
        """`**` stands for no folder, too; at the end of a pattern it stands for at least one name."""
        found = set(places)
        for place in range(len(self.parts) - 1):
            if place in found and self.parts[place] is None:
                found.add(place + 1)
        return frozenset(found)


@frozen
class Spot:
    """A place in a tree, and how far each pattern has come there.

    `_places`: None for a pattern that matched here or above: what it says holds for all below.
    """

    _patterns: Sequence[Pattern]
    _places: tuple[frozenset[int] | None, ...]

    def below(self, name: str) -> "Spot":
        pairs = zip(self._patterns, self._places, strict=True)
        return Spot(self._patterns, tuple(_moved(pattern, places, name) for pattern, places in pairs))

    @property
    def excluded(self) -> bool:
        """The last pattern that matches decides."""
        for pattern, places in zip(reversed(self._patterns), reversed(self._places), strict=True):
            if places is None:
                return not pattern.takes_back
        return False

    @property
    def settled(self) -> bool:
        """Whether all below is as this place itself, excluded or not."""
        excluded = self.excluded
        return not any(
            places and pattern.takes_back == excluded
            for pattern, places in zip(self._patterns, self._places, strict=True)
        )


def _moved(pattern: Pattern, places: frozenset[int] | None, name: str) -> frozenset[int] | None:
    if not places:
        return places
    moved = pattern.step(places, name)
    return None if pattern.matches(moved) else moved


@frozen
class Ignore:
    """All the lines of a file, in their order."""

    patterns: tuple[Pattern, ...] = ()

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Ignore":
        return cls(tuple(Pattern(text) for text in texts))

    def top(self) -> Spot:
        """The directory itself, which always comes in."""
        return Spot(self.patterns, tuple(pattern.start() for pattern in self.patterns))

    def at(self, path: PurePosixPath) -> Spot:
        """The place of a path below the directory."""
        spot = self.top()
        for name in path.parts:
            spot = spot.below(name)
        return spot

    def excludes(self, path: PurePosixPath) -> bool:
        """Whether a path below the directory stays out."""
        return self.at(path).excluded

    def named(self) -> Iterator[PurePosixPath]:
        """What stays out with all below it and is named in full, whether or not it is there."""
        for path in (pattern.named for pattern in self.patterns):
            if path and (spot := self.at(path)).excluded and spot.settled:
                yield path


def read_patterns(directory: Path) -> tuple[str, ...]:
    """Those of the file in `directory`; none where there is no such file. Raises BottleError."""
    path = directory / FILE_NAME
    if not path.is_file():
        return ()
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            text = file.read(_LARGEST + 1)
    except OSError as error:
        raise BottleError(f"it cannot be read: {error.strerror}", location=str(path)) from error
    if len(text) > _LARGEST:
        raise BottleError(f"it is larger than {_LARGEST >> 20} MiB", location=str(path))
    return tuple(_checked(text.split("\n"), path))


def _checked(lines: Sequence[str], path: Path) -> Sequence[str]:
    found = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if line.startswith("#") or not text:
            continue
        try:
            Pattern(text)
        except PatternError as error:
            raise BottleError(f"{error}: {text}", location=f"{path}:{number}") from error
        found.append(text)
    return found


def _compiled(name: str) -> re.Pattern[str]:
    """Each run of text behind a `*` is looked for once, from the left: no other place could serve better."""
    words, rest = [""], name
    while rest:
        if rest[0] == "*":
            words.append("")
            rest = rest.lstrip("*")
            continue
        word, rest = _word(rest)
        words[-1] += word
    first, *others = words
    if not others:
        return re.compile(first, re.DOTALL)
    *middle, last = others
    return re.compile(first + "".join(f"(?>.*?{word})" for word in middle) + f".*{last}", re.DOTALL)


def _word(text: str) -> tuple[str, str]:
    """(expression for one character, what follows)."""
    match text[0]:
        case "?":
            return ".", text[1:]
        case "\\":
            if len(text) == 1:
                raise PatternError("nothing stands behind the last backslash")
            return re.escape(text[1]), text[2:]
        case "[":
            return _range(text)
        case _:
            return re.escape(text[0]), text[1:]


_CLASS = re.compile(r"\[(\^?)((?:\\.|[^]\\])+)\]", re.DOTALL)
_SPAN = re.compile(r"(\\.|[^\\])(?:-(\\.|[^\\]))?", re.DOTALL)


def _range(text: str) -> tuple[str, str]:
    found = _CLASS.match(text)
    if not found:
        raise PatternError("a '[' has no ']'")
    spans = []
    for low, high in _SPAN.findall(found[2]):
        first, last = low[-1], (high or low)[-1]
        if first > last:
            raise PatternError(f"'{first}-{last}' is no range")
        spans.append(f"{re.escape(first)}-{re.escape(last)}")
    return f"[{found[1]}{''.join(spans)}]", text[found.end() :]
