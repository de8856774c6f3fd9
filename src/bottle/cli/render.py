"""What a command returns, and its two forms: tab-separated text for people, a JSON envelope for programs."""

import json
from collections.abc import Mapping, Sequence

from attrs import frozen

from bottle.terminal import printable

VERSION = 1
"""Of the JSON envelope. It grows when a key of `data` is renamed, removed or changes its meaning."""

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]
Row = Sequence[Json] | Mapping[str, Json]


@frozen(kw_only=True)
class Result:
    """The outcome of a command. Without --json, stdout gets `text`, or `table` with a line per row."""

    data: Json
    text: str = ""
    table: Sequence[Row] = ()
    warnings: tuple[str, ...] = ()


def as_json(result: Result) -> str:
    """`{"version": 1, "data": ..., "warnings": [...]}`, in ASCII: no control character reaches a terminal."""
    envelope = {"version": VERSION, "data": result.data, "warnings": list(result.warnings)}
    return json.dumps(envelope, indent=2)


def as_text(result: Result) -> str:
    """The text, or the table with its fields separated by tabs, without a newline at the end.

    A tab or newline inside a field is shown as an escape, so that a field can be cut out by its number.
    """
    if result.text:
        return printable(result.text).rstrip("\n")
    return "\n".join("\t".join(_fields(row)) for row in result.table)


def _fields(row: Row) -> list[str]:
    values = row.values() if isinstance(row, Mapping) else row
    return [_field(value) for value in values]


def _field(value: Json) -> str:
    match value:
        case None:
            text = ""
        case str():
            text = value
        case bool() | float() | int():
            text = json.dumps(value)
        case Mapping():
            text = ",".join(f"{key}={_field(item)}" for key, item in value.items())
        case _:
            text = ",".join(_field(item) for item in value)
    return printable(text).replace("\t", "\\t").replace("\n", "\\n")
