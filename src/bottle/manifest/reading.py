"""Cursors: typed reads of nodes. A read that fails reports its problem and gives None."""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeVar

from attrs import field, frozen

from bottle.manifest.document import Kind, Mapping, Node, Scalar, Unusable
from bottle.manifest.document import Sequence as SequenceNode
from bottle.manifest.keys import Keys, hint_for
from bottle.manifest.problems import (
    Invalid,
    KeyPath,
    Position,
    ProblemReport,
    did_you_mean,
    quoted,
)

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_TRUTHY = {"yes": "true", "on": "true", "no": "false", "off": "false"}


@frozen(kw_only=True)
class Cursor:
    """A node, its key path, and where to report. `tables` are all tables of this kind of file."""

    node: Node
    path: KeyPath
    report: ProblemReport
    tables: Sequence[Keys]

    @property
    def position(self) -> Position:
        return self.node.position

    def fail(self, message: str, hint: str | None = None) -> None:
        self.report.add(self.position, message, path=self.path, hint=hint)

    def warn(self, message: str) -> None:
        self.report.warn(self.position, message, path=self.path)

    def fields(self, keys: Keys, required: tuple[str, ...] = ()) -> "Fields | None":
        """The values of a mapping with these keys; every unknown, refused or missing one is reported."""
        if not isinstance(self.node, Mapping):
            self._mismatch("a mapping")
            return None
        values: dict[str, Cursor] = {}
        for entry in self.node.entries:
            name = entry.key.text
            inside = (*self.path, name)
            if name in keys.names:
                values[name] = self._inner(entry.value, name)
            elif (reason := keys.refused.get(name)) is not None:
                self.report.add(entry.key.position, reason, path=inside)
            else:
                hint = hint_for(name, keys, self.tables)
                self.report.add(entry.key.position, "unknown key", path=inside, hint=hint)
        missing = [name for name in required if name not in {entry.key.text for entry in self.node.entries}]
        for name in missing:
            self.fail(f"the key '{name}' is missing")
        return Fields(values=values, keys=keys)

    def entries(self) -> "list[Entry] | None":
        """The entries of a mapping whose keys are free."""
        if not isinstance(self.node, Mapping):
            self._mismatch("a mapping")
            return None
        return [Entry(key=e.key, value=self._inner(e.value, e.key.text)) for e in self.node.entries]

    def items(self) -> "list[Cursor] | None":
        if not isinstance(self.node, SequenceNode):
            self._mismatch("a list")
            return None
        return [self._inner(item, index) for index, item in enumerate(self.node.items)]

    def text(self, parse: Callable[[str], T]) -> T | None:
        """What `parse` makes of a string; its Invalid becomes the problem."""
        scalar = self._scalar(Kind.STRING)
        return None if scalar is None else self._parsed(scalar, parse)

    def verbatim(self, parse: Callable[[str], T]) -> T | None:
        """As `text`, for values where numbers and booleans are meant as the text that is written."""
        scalar = self._scalar(Kind.STRING, Kind.INTEGER, Kind.FLOAT, Kind.BOOLEAN)
        return None if scalar is None else self._parsed(scalar, parse)

    def texts(self, parse: Callable[[str], T]) -> tuple[T, ...] | None:
        """A list of distinct texts."""
        items = self.items()
        if items is None:
            return None
        found: list[T] = []
        for item in items:
            value = item.text(parse)
            if value is None:
                continue
            if value in found:
                item.fail("stands in the list twice", "remove one")
            found.append(value)
        return tuple(found)

    def boolean(self) -> bool | None:
        if not (isinstance(self.node, Scalar) and self.node.kind is Kind.BOOLEAN):
            meant = _TRUTHY.get(self.node.text.casefold()) if isinstance(self.node, Scalar) else None
            self._mismatch("true or false", f"did you mean {meant}?" if meant else None)
            return None
        return self.node.text.casefold() == "true"

    def number(self, parse: Callable[[str], T]) -> T | None:
        """What `parse` makes of a whole or decimal number as written."""
        if not (isinstance(self.node, Scalar) and self.node.kind in {Kind.INTEGER, Kind.FLOAT}):
            self._mismatch("a number")
            return None
        return self._parsed(self.node, parse)

    def count(self) -> int | None:
        """A whole number, at least 1, in plain decimal digits."""
        if not (isinstance(self.node, Scalar) and self.node.kind is Kind.INTEGER):
            plain = self.node.text.replace("_", "") if isinstance(self.node, Scalar) else ""
            self._mismatch("a whole number", f"write {plain}" if _DECIMAL.fullmatch(plain) else None)
            return None
        return self._parsed(self.node, _count)

    def choice(self, choices: type[E]) -> E | None:
        return self.text(lambda text: _chosen(text, choices))

    def _parsed(self, scalar: Scalar, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(scalar.text)
        except Invalid as invalid:
            self.fail(invalid.message, invalid.hint)
            return None

    def _scalar(self, *kinds: Kind) -> Scalar | None:
        if isinstance(self.node, Scalar) and self.node.kind in kinds:
            return self.node
        numeric = isinstance(self.node, Scalar) and self.node.kind is not Kind.NULL
        self._mismatch("a string", "put it in quotes" if numeric else None)
        return None

    def _mismatch(self, wanted: str, hint: str | None = None) -> None:
        if isinstance(self.node, Unusable):
            return
        found: str = self.node.kind
        if isinstance(self.node, Scalar) and self.node.text:
            found = f"{found} ({quoted(self.node.text)})"
        if self.node.kind is Kind.NULL and hint is None:
            hint = "remove the key or give it a value"
        self.fail(f"must be {wanted}, not {found}", hint)

    def _inner(self, node: Node, key: str | int) -> "Cursor":
        return Cursor(node=node, path=(*self.path, key), report=self.report, tables=self.tables)


@frozen(kw_only=True)
class Entry:
    key: Scalar
    value: Cursor


@frozen(kw_only=True)
class Fields:
    """The known keys that a mapping has."""

    values: dict[str, Cursor] = field(factory=dict)
    keys: Keys

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __getitem__(self, name: str) -> Cursor:
        return self.values[name]

    def read(self, name: str, reader: Callable[[Cursor], T | None]) -> T | None:
        """What `reader` makes of a key's value; None where the key is absent or the value wrong."""
        if name not in self.keys.names:
            raise KeyError(name)
        cursor = self.values.get(name)
        return None if cursor is None else reader(cursor)

    def text(self, name: str, parse: Callable[[str], T]) -> T | None:
        return self.read(name, lambda cursor: cursor.text(parse))


def _count(text: str) -> int:
    if not _DECIMAL.fullmatch(text):
        raise Invalid("must be written in plain decimal digits, without a leading zero")
    value = int(text)
    if value < 1:
        raise Invalid("must be at least 1")
    return value


def _chosen(text: str, choices: type[E]) -> E:
    try:
        return choices(text)
    except ValueError:
        names = [choice.value for choice in choices]
        hint = did_you_mean(text, names) or f"one of: {', '.join(names)}"
        raise Invalid(f"unknown value {quoted(text)}", hint) from None
