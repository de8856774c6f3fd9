from enum import StrEnum
from pathlib import Path

import pytest

from bottle.manifest.document import parse
from bottle.manifest.keys import Keys
from bottle.manifest.problems import Invalid, ProblemReport
from bottle.manifest.reading import Cursor, Fields

KEYS = Keys(names=("a", "b"), refused={"c": "not here"})


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


def cursor_at(text: str) -> Cursor:
    """The value of `a`."""
    fields = root(f"a: {text}").fields(KEYS)
    assert fields is not None
    return fields["a"]


def root(frontmatter: str) -> Cursor:
    report = ProblemReport(Path("x.md"))
    document = parse(f"---\n{frontmatter}\n---\n".encode(), report)
    return Cursor(node=document.root, path=(), report=report, tables=[KEYS])


def told(cursor: Cursor) -> list[str]:
    return [str(problem).split("  ", 1)[1] for problem in cursor.report.problems]


def test_fields_know_what_is_there() -> None:
    fields = root("a: x").fields(KEYS)

    assert fields is not None
    assert "a" in fields
    assert "b" not in fields
    assert fields.text("a", str.upper) == "X"
    assert fields.text("b", str.upper) is None


def test_a_key_that_the_table_lacks_cannot_be_read() -> None:
    with pytest.raises(KeyError):
        Fields(keys=KEYS).read("zzz", Cursor.boolean)


def test_unknown_refused_and_missing_keys_are_all_told() -> None:
    cursor = root("c: 1\nd: 2")

    cursor.fields(KEYS, required=("a", "b"))

    assert told(cursor) == [
        "c: not here",
        "d: unknown key; valid keys: a, b",
        "the key 'a' is missing",
        "the key 'b' is missing",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[x]", "a: must be a string, not a list"),
        ("{x: y}", "a: must be a string, not a mapping"),
        ("12", "a: must be a string, not a number ('12'); put it in quotes"),
        ("", "a: must be a string, not an empty value; remove the key or give it a value"),
        ("bad", "a: no good; try better"),
    ],
)
def test_texts_that_are_none(text: str, problem: str) -> None:
    def parse_text(_: str) -> str:
        raise Invalid("no good", "try better")

    cursor = cursor_at(text)

    assert cursor.text(parse_text) is None
    assert told(cursor) == [problem]


@pytest.mark.parametrize("text", ["12", "1.50", "true", "0x1F", "yes"])
def test_verbatim_takes_what_was_written(text: str) -> None:
    assert cursor_at(text).verbatim(str) == text


@pytest.mark.parametrize("text", ["", "~", "[]", "{}"])
def test_verbatim_takes_no_empty_value_and_no_collection(text: str) -> None:
    cursor = cursor_at(text)

    assert cursor.verbatim(str) is None
    assert len(told(cursor)) == 1


def test_lists() -> None:
    assert cursor_at("[x, y]").texts(str.upper) == ("X", "Y")
    assert cursor_at("[]").texts(str) == ()
    assert cursor_at("x").texts(str) is None
    cursor = cursor_at("[x, [y], x]")
    assert cursor.texts(str) == ("x", "x")
    assert told(cursor) == [
        "a[1]: must be a string, not a list",
        "a[2]: stands in the list twice; remove one",
    ]


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("True", True), ("false", False), ("FALSE", False)]
)
def test_booleans(text: str, *, value: bool) -> None:
    assert cursor_at(text).boolean() is value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("yes", "a: must be true or false, not a string ('yes'); did you mean true?"),
        ("Off", "a: must be true or false, not a string ('Off'); did you mean false?"),
        ("'true'", "a: must be true or false, not a string ('true')"),
        ("1", "a: must be true or false, not a number ('1')"),
        ("[]", "a: must be true or false, not a list"),
    ],
)
def test_booleans_that_are_none(text: str, problem: str) -> None:
    cursor = cursor_at(text)

    assert cursor.boolean() is None
    assert told(cursor) == [problem]


def test_counts() -> None:
    assert cursor_at("512").count() == 512
    assert cursor_at("+5").count() == 5


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0", "a: must be at least 1"),
        ("-1", "a: must be at least 1"),
        ("010", "a: must be written in plain decimal digits, without a leading zero"),
        ("0x1F", "a: must be written in plain decimal digits, without a leading zero"),
        ("0o7", "a: must be written in plain decimal digits, without a leading zero"),
        ("9" * 30, "a: must be written in plain decimal digits, without a leading zero"),
        ("1_000", "a: must be a whole number, not a string ('1_000'); write 1000"),
        ("'5'", "a: must be a whole number, not a string ('5'); write 5"),
        ("1.5", "a: must be a whole number, not a decimal number ('1.5')"),
        ("many", "a: must be a whole number, not a string ('many')"),
        ("[1]", "a: must be a whole number, not a list"),
    ],
)
def test_counts_that_are_none(text: str, problem: str) -> None:
    cursor = cursor_at(text)

    assert cursor.count() is None
    assert told(cursor) == [problem]


def test_numbers() -> None:
    assert cursor_at("1.5").number(float) == 1.5
    assert cursor_at("2").number(float) == 2.0
    cursor = cursor_at("x")
    assert cursor.number(float) is None
    assert told(cursor) == ["a: must be a number, not a string ('x')"]


def test_choices() -> None:
    assert cursor_at("red").choice(Colour) is Colour.RED
    cursor = cursor_at("gren")
    assert cursor.choice(Colour) is None
    assert told(cursor) == ["a: unknown value 'gren'; did you mean 'green'?"]
    cursor = cursor_at("blue")
    assert cursor.choice(Colour) is None
    assert told(cursor) == ["a: unknown value 'blue'; one of: red, green"]


def test_entries() -> None:
    entries = cursor_at("{x: 1, y: 2}").entries()

    assert entries is not None
    assert [(entry.key.text, entry.value.path) for entry in entries] == [("x", ("a", "x")), ("y", ("a", "y"))]
    assert cursor_at("x").entries() is None


def test_what_was_reported_before_is_not_reported_again() -> None:
    cursor = root("a: &x y\nb: *x")
    fields = cursor.fields(KEYS)
    assert fields is not None
    before = told(cursor)

    assert fields.read("b", Cursor.boolean) is None
    assert fields["b"].fields(KEYS) is None
    assert fields["b"].items() is None
    assert fields["b"].text(str) is None
    assert fields["b"].count() is None
    assert told(cursor) == before


def test_warnings_have_a_place() -> None:
    cursor = cursor_at("x")

    cursor.warn("doubtful")

    assert [str(warning) for warning in cursor.report.warnings] == ["x.md:2:4  a: doubtful"]
    assert told(cursor) == []
