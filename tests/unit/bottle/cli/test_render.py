import json

import pytest

from bottle.cli.render import Json, Result, Row, as_json, as_text


def test_the_envelope_is_a_contract() -> None:
    """Programs rely on these keys and on the version."""
    result = Result(data={"name": "dev", "routes": ["a", "b"]}, text="ignored", warnings=("careful",))

    assert json.loads(as_json(result)) == {
        "version": 1,
        "data": {"name": "dev", "routes": ["a", "b"]},
        "warnings": ["careful"],
    }
    assert list(json.loads(as_json(result))) == ["version", "data", "warnings"]


@pytest.mark.parametrize("data", [None, [], {}, "text", 0, False])
def test_the_envelope_is_there_whatever_the_data(data: Json) -> None:
    assert json.loads(as_json(Result(data=data))) == {"version": 1, "data": data, "warnings": []}


def test_json_holds_no_control_character() -> None:
    assert as_json(Result(data="\x1b[2J\x9b\u202e\n")).isascii()
    assert "\x1b" not in as_json(Result(data="\x1b[2J"))


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (["dev", "claude"], "dev\tclaude"),
        ({"name": "dev", "running": True, "pid": 7, "cost": 1.5, "end": None}, "dev\ttrue\t7\t1.5\t"),
        (["two\twords", "two\nlines", "\x1b[2J"], "two\\twords\ttwo\\nlines\t\\x1b[2J"),
        ([["a", "b"], {"k": "v", "n": 1}], "a,b\tk=v,n=1"),
    ],
)
def test_a_row_is_one_line_of_fields_between_tabs(row: Row, line: str) -> None:
    assert as_text(Result(data=None, table=[row, row])) == f"{line}\n{line}"


def test_text_is_printed_as_it_is_without_control_characters() -> None:
    assert as_text(Result(data=None, text="one\ntwo \x1b[2J\n")) == "one\ntwo \\x1b[2J"


def test_nothing_is_nothing() -> None:
    assert as_text(Result(data=[])) == ""
