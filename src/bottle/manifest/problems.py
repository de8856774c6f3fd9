"""What is wrong with a manifest: problems as values, collected, then raised together.

A problem prints as one line, `file:line:col  egress.routes[1].hots: unknown key; did you mean 'host'?`.
Text from a manifest is data: nothing unprintable of it reaches the terminal.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

from attrs import define, field, frozen

from bottle.errors import ManifestError

KeyPath = tuple[str | int, ...]
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def printable(text: str) -> str:
    """`text` with every control, format and unassigned character written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def quoted(text: str) -> str:
    """`text` in single quotes, printable, cut where it is long."""
    shown = printable(text)
    return f"'{shown}'" if len(shown) <= 80 else f"'{shown[:77]}...'"


def render_path(path: KeyPath) -> str:
    """`egress.routes[1].host`; a key that is no plain word stands in double quotes."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
            continue
        key = part if _BARE_KEY.fullmatch(part) else f'"{printable(part)}"'
        shown += f".{key}" if shown else key
    return shown


@frozen(order=True)
class Position:
    """A place in a text; both count from 1, columns in characters."""

    line: int
    column: int


@frozen(kw_only=True)
class Location:
    """A place in a file, or the whole file."""

    file: Path
    position: Position | None = None

    def __str__(self) -> str:
        name = printable(str(self.file))
        return name if self.position is None else f"{name}:{self.position.line}:{self.position.column}"


class Invalid(ValueError):  # noqa: N818 - says what the value is
    """A value that does not mean anything; `hint` says what to write instead."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@frozen(kw_only=True)
class Problem:
    """One thing that is wrong, or that deserves a warning, and where."""

    location: Location
    message: str
    path: KeyPath = ()
    hint: str | None = None

    def __str__(self) -> str:
        where = f"{render_path(self.path)}: " if self.path else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.location}  {where}{self.message}{hint}"


class InvalidManifestError(ManifestError):
    """Every problem of a manifest at once, one a line, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=_order))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def of(cls, location: Location, message: str, *, path: KeyPath = (), hint: str | None = None) -> Self:
        """The error for a single problem."""
        return cls([Problem(location=location, path=path, message=message, hint=hint)])


def _order(problem: Problem) -> Position:
    return problem.location.position or Position(0, 0)


@define
class ProblemReport:
    """Collects what is wrong with one file, so that all of it is told at once; and what is doubtful."""

    file: Path
    problems: list[Problem] = field(factory=list)
    warnings: list[Problem] = field(factory=list)

    def add(self, at: Position, message: str, *, path: KeyPath = (), hint: str | None = None) -> None:
        self.problems.append(self._problem(at, message, path, hint))

    def warn(self, at: Position, message: str, *, path: KeyPath = (), hint: str | None = None) -> None:
        self.warnings.append(self._problem(at, message, path, hint))

    def failure(self, at: Position, message: str, *, hint: str | None = None) -> InvalidManifestError:
        """To be raised: a problem after which the file cannot be read further, and those found before."""
        self.add(at, message, hint=hint)
        return InvalidManifestError(self.problems)

    def raise_if_any(self) -> None:
        """Raises InvalidManifestError where a problem was added; warnings do not count."""
        if self.problems:
            raise InvalidManifestError(self.problems)

    def _problem(self, at: Position, message: str, path: KeyPath, hint: str | None) -> Problem:
        return Problem(location=Location(file=self.file, position=at), path=path, message=message, hint=hint)


@frozen
class Places:
    """Where each value of a manifest stands, so that an error found later can point at it."""

    locations: Mapping[KeyPath, Location]

    def at(self, *path: str | int) -> Location:
        """The value's location, or that of the nearest value around it that is written down."""
        for length in range(len(path), -1, -1):
            if (found := self.locations.get(path[:length])) is not None:
                return found
        raise KeyError(path)

    def error(self, *path: str | int, message: str, hint: str | None = None) -> InvalidManifestError:
        """The error that points at the value of `path`."""
        return InvalidManifestError.of(self.at(*path), message, path=path, hint=hint)


def did_you_mean(word: str, valid: Iterable[str]) -> str | None:
    """The hint that names the valid word nearest to `word`, if one is near."""
    nearest = nearest_word(word, valid)
    return None if nearest is None else f"did you mean '{nearest}'?"


def nearest_word(word: str, valid: Iterable[str]) -> str | None:
    """Spelling first (case, `-` for `_`), then part of a name (`token` for `token_ref`), then closeness."""
    choices = {_plain(name): name for name in valid}
    wanted = _plain(word)
    if wanted in choices:
        return choices[wanted]
    stem = wanted.rstrip("s")
    if len(stem) >= 4:
        for plain in sorted(choices, key=len):
            if stem in plain:
                return choices[plain]
    close = difflib.get_close_matches(wanted, choices, n=1, cutoff=0.65)
    return choices[close[0]] if close else None


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.casefold())
