"""Bytes of a manifest -> frontmatter as nodes with positions, and the body.

    ---
    key: value        YAML 1.2, one mapping; no anchors, aliases, merge keys or tags
    ---
    body

The parser's events are read directly, so that a scalar keeps the text that was written: whether
`2026-05-24`, `NO` or `0x1F` is acceptable is for its reader to say, and nothing converts it first.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from attrs import field, frozen
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from bottle.manifest.problems import (
    InvalidManifestError,
    KeyPath,
    Location,
    Places,
    Position,
    ProblemReport,
    printable,
    quoted,
)

MAX_FILE = 1024 * 1024
MAX_FRONTMATTER = 128 * 1024
MAX_DEPTH = 16
_FENCE = "---"
_FIRST_LINE = 2  # the frontmatter's first line, counted in the file
# Line separators that editors do not show, bidirectional overrides (a text that reads otherwise than it
# parses), and control characters other than tab and line feed.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
_NULL = re.compile(r"null|Null|NULL|~|")
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


class Kind(StrEnum):
    """What a node is under the YAML 1.2 core schema; the value completes "must be ..., not ..."."""

    NULL = "an empty value"
    BOOLEAN = "a boolean"
    INTEGER = "a number"
    FLOAT = "a decimal number"
    STRING = "a string"
    SEQUENCE = "a list"
    MAPPING = "a mapping"


@frozen(kw_only=True)
class Scalar:
    """A scalar as written; `plain` means without quotes and not a block."""

    text: str
    plain: bool
    position: Position

    @property
    def kind(self) -> Kind:
        if not self.plain:
            return Kind.STRING
        for kind, pattern in (
            (Kind.NULL, _NULL),
            (Kind.BOOLEAN, _BOOLEAN),
            (Kind.INTEGER, _INTEGER),
            (Kind.FLOAT, _FLOAT),
        ):
            if pattern.fullmatch(self.text):
                return kind
        return Kind.STRING


@frozen(kw_only=True)
class Sequence:
    items: tuple["Node", ...]
    position: Position
    kind: Kind = field(default=Kind.SEQUENCE, init=False)


@frozen(kw_only=True)
class Entry:
    key: Scalar
    value: "Node"


@frozen(kw_only=True)
class Mapping:
    """Keys are unique; the order is that of the file."""

    entries: tuple[Entry, ...]
    position: Position
    kind: Kind = field(default=Kind.MAPPING, init=False)


@frozen(kw_only=True)
class Unusable:
    """Stands where a problem was reported already; readers pass over it in silence."""

    position: Position


Node = Scalar | Sequence | Mapping | Unusable


@frozen(kw_only=True)
class Document:
    """One manifest file. `body` is stripped, with LF as line end."""

    file: Path
    root: Mapping
    body: str

    def places(self) -> Places:
        found = {path: Location(file=self.file, position=at) for path, at in _walk(self.root, ())}
        return Places(found)


def _walk(node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, Position]]:
    yield path, node.position
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield from _walk(entry.value, (*path, entry.key.text))
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _walk(item, (*path, index))


def parse(data: bytes, report: ProblemReport) -> Document:
    """The document in `data`.

    What cannot be read at all raises InvalidManifestError; what is readable but not allowed (an
    anchor, a duplicate key) is added to `report`, so that it is told together with what follows.
    """
    text = _decode(data, report)
    frontmatter, body = _split(text, report)
    _check_characters(frontmatter, report)
    report.raise_if_any()
    root = _Builder(frontmatter, report).root()
    return Document(file=report.file, root=root, body=body.strip())


def _decode(data: bytes, report: ProblemReport) -> str:
    start = Position(1, 1)
    if len(data) > MAX_FILE:
        raise report.failure(start, f"the file is larger than {MAX_FILE // 1024} KiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8-sig")
        hint = "save the file in the UTF-8 encoding"
        raise report.failure(_end_of(before), "not UTF-8 text", hint=hint) from None
    if not text.strip():
        raise report.failure(
            start, "the file is empty", hint="begin with a line '---', the keys, and a line '---'"
        )
    if (nul := text.find("\0")) >= 0:
        raise report.failure(_end_of(text[:nul]), "a NUL byte: this is not a text file")
    return text.replace("\r\n", "\n")


def _end_of(text: str) -> Position:
    lines = text.split("\n")
    return Position(len(lines), len(lines[-1]) + 1)


def _split(text: str, report: ProblemReport) -> tuple[str, str]:
    """Frontmatter (without its fences) and body."""
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        raise report.failure(
            Position(1, 1), "the first line must be '---'", hint="the keys stand between two such lines"
        )
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == _FENCE:
            frontmatter = "\n".join(lines[1:number])
            if len(frontmatter) > MAX_FRONTMATTER:
                limit = f"{MAX_FRONTMATTER // 1024} KiB"
                raise report.failure(Position(_FIRST_LINE, 1), f"the frontmatter is larger than {limit}")
            return frontmatter, "\n".join(lines[number + 1 :])
    raise report.failure(
        Position(1, 1), "the frontmatter is not closed", hint="add a line '---' after the keys"
    )


def _check_characters(frontmatter: str, report: ProblemReport) -> None:
    for number, line in enumerate(frontmatter.split("\n"), start=_FIRST_LINE):
        for match in _HIDDEN.finditer(line):
            name = f"U+{ord(match[0]):04X}"
            report.add(
                Position(number, match.start() + 1), f"the invisible character {name} is not allowed here"
            )


class _Builder:
    """Events -> nodes; reports what YAML allows and a manifest does not."""

    def __init__(self, frontmatter: str, report: ProblemReport) -> None:
        self._lines = frontmatter.split("\n")
        self._report = report
        self._events: Iterator[Any] = YAML(typ="safe", pure=True).parse(frontmatter)

    def root(self) -> Mapping:
        try:
            return self._document()
        except MarkedYAMLError as error:
            raise self._syntax(error) from None

    def _document(self) -> Mapping:
        start = Position(_FIRST_LINE, 1)
        root: Node = Mapping(entries=(), position=start)
        documents = 0
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
            if documents > 1:
                raise self._report.failure(_position(event), "a second YAML document is not allowed")
            if isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent | AliasEvent):
                root = self._node(event, ())
        if isinstance(root, Mapping):
            return root
        kind = "an alias" if isinstance(root, Unusable) else root.kind
        raise self._report.failure(root.position, f"the frontmatter must be a mapping, not {kind}")

    def _node(self, event: Any, path: KeyPath) -> Node:
        position = _position(event)
        if len(path) > MAX_DEPTH:
            raise self._report.failure(position, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, AliasEvent):
            self._report.add(position, "an alias (*) is not allowed", path=path, hint="write the value out")
            return Unusable(position=position)
        if event.anchor is not None:
            self._report.add(position, "an anchor (&) is not allowed", path=path, hint="remove it")
        if event.tag is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            message = f"the tag {quoted(tag)} is not allowed"
            self._report.add(position, message, path=path, hint="write the plain value")
        if isinstance(event, MappingStartEvent):
            return self._mapping(position, path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(position, path)
        return Scalar(text=event.value, plain=event.style is None, position=position)

    def _sequence(self, position: Position, path: KeyPath) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return Sequence(items=tuple(items), position=position)

    def _mapping(self, position: Position, path: KeyPath) -> Mapping:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._node(event, path)
            value_event = next(self._events)
            if not isinstance(key, Scalar):
                self._bad_key(key, path)
                self._node(value_event, path)
                continue
            inner = (*path, key.text)
            value = self._value(self._node(value_event, inner), key)
            if key.plain and key.text == "<<":
                self._report.add(
                    key.position, "a merge key (<<) is not allowed", path=path, hint="write the keys out"
                )
            elif (first := entries.get(key.text)) is not None:
                message = f"the key stands twice, first in line {first.key.position.line}"
                self._report.add(key.position, message, path=inner, hint="remove one")
            else:
                entries[key.text] = Entry(key=key, value=value)
        return Mapping(entries=tuple(entries.values()), position=position)

    def _bad_key(self, key: Node, path: KeyPath) -> None:
        if not isinstance(key, Unusable):
            self._report.add(key.position, "a key must be a plain word", path=path)

    def _value(self, value: Node, key: Scalar) -> Node:
        """A value that is left out has no place of its own: point at its key."""
        if isinstance(value, Scalar) and value.plain and not value.text:
            return Scalar(text="", plain=True, position=key.position)
        return value

    def _syntax(self, error: MarkedYAMLError) -> InvalidManifestError:
        mark = error.problem_mark
        line = min(mark.line, len(self._lines) - 1)
        column = mark.column if line == mark.line else len(self._lines[line])
        message, hint = self._explain(error, self._lines[line], column)
        return self._report.failure(Position(line + _FIRST_LINE, column + 1), message, hint=hint)

    def _explain(self, error: MarkedYAMLError, text: str, column: int) -> tuple[str, str | None]:
        indent = text[: len(text) - len(text.lstrip())]
        at = text[column : column + 1]
        if "\t" in indent:
            return "a tab is used for indentation", "use spaces"
        if at and at in "@`%":
            return f"not YAML: a value cannot begin with '{at}'", "put the value in quotes"
        if at == ":":
            return (
                "not YAML: unexpected ':'",
                "put a value that contains ':' in quotes; check the indentation",
            )
        context = f" {error.context}" if error.context else ""
        problem = str(error.problem).replace("\x00", "the end")
        return f"not YAML:{printable(context)} {printable(problem)}".replace(":  ", ": "), None


def _position(event: Any) -> Position:
    return Position(event.start_mark.line + _FIRST_LINE, event.start_mark.column + 1)
