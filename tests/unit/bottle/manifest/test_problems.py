from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.manifest.problems import (
    InvalidManifestError,
    Location,
    Places,
    Position,
    Problem,
    ProblemReport,
    did_you_mean,
    nearest_word,
    printable,
    quoted,
    render_path,
)

FILE = Path("a.md")


def test_a_problem_is_one_line_with_place_path_message_and_hint() -> None:
    problem = Problem(
        location=Location(file=FILE, position=Position(4, 7)),
        path=("egress", "routes", 1, "hots"),
        message="unknown key",
        hint="did you mean 'host'?",
    )

    assert str(problem) == "a.md:4:7  egress.routes[1].hots: unknown key; did you mean 'host'?"


def test_a_problem_of_a_whole_file_has_neither_position_nor_path() -> None:
    assert str(Problem(location=Location(file=FILE), message="is empty")) == "a.md  is empty"


def test_a_key_that_is_no_plain_word_is_quoted() -> None:
    assert render_path(("env", "A B", 0, "\x1b[31m")) == 'env."A B"[0]."\\x1b[31m"'


def test_the_name_of_a_file_cannot_reach_the_terminal_raw() -> None:
    assert str(Location(file=Path("/x/\x1b[2J.md"))) == "/x/\\x1b[2J.md"


@given(st.text())
def test_what_is_shown_is_always_printable(text: str) -> None:
    assert printable(text).isprintable()
    assert quoted(text).isprintable()
    assert len(quoted(text)) <= 82


def test_problems_are_told_in_the_order_of_the_file() -> None:
    report = ProblemReport(FILE)
    report.add(Position(9, 1), "second")
    report.add(Position(2, 5), "first")

    with pytest.raises(InvalidManifestError) as raised:
        report.raise_if_any()

    assert [problem.message for problem in raised.value.problems] == ["first", "second"]
    assert str(raised.value) == "a.md:2:5  first\na.md:9:1  second"


def test_warnings_raise_nothing() -> None:
    report = ProblemReport(FILE)
    report.warn(Position(1, 1), "doubtful", path=("egress",))

    report.raise_if_any()

    assert [str(warning) for warning in report.warnings] == ["a.md:1:1  egress: doubtful"]


def test_a_failure_carries_what_was_found_before() -> None:
    report = ProblemReport(FILE)
    report.add(Position(1, 1), "before")

    failure = report.failure(Position(2, 1), "now")

    assert [problem.message for problem in failure.problems] == ["before", "now"]


def test_a_place_that_is_not_written_down_is_the_nearest_around_it() -> None:
    root, routes = Location(file=FILE, position=Position(2, 1)), Location(file=FILE, position=Position(4, 3))
    places = Places({(): root, ("egress", "routes"): routes})

    assert places.at("egress", "routes", 3, "auth") == routes
    assert places.at("budget") == root
    assert str(places.error("egress", "routes", 3, message="no")) == "a.md:4:3  egress.routes[3]: no"


def test_a_place_without_any_root_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        Places({}).at("egress")


@pytest.mark.parametrize(
    ("word", "valid", "nearest"),
    [
        ("hots", ["host", "scheme"], "host"),
        ("git_gate", ["git-gate", "egress"], "git-gate"),
        ("pathAllowlist", ["path_allowlist"], "path_allowlist"),
        ("token", ["scheme", "token_ref"], "token_ref"),
        ("paths", ["path_allowlist", "host"], "path_allowlist"),
        ("bearer", ["Bearer", "basic"], "Bearer"),
        ("frobnicate", ["host", "scheme"], None),
        ("", ["host"], None),
        ("x", [], None),
    ],
)
def test_the_nearest_word(word: str, valid: list[str], nearest: str | None) -> None:
    assert nearest_word(word, valid) == nearest
    assert did_you_mean(word, valid) == (f"did you mean '{nearest}'?" if nearest else None)
