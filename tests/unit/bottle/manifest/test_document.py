from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bottle.manifest.document import (
    MAX_FILE,
    MAX_FRONTMATTER,
    Document,
    Kind,
    Mapping,
    Scalar,
    Sequence,
    Unusable,
    parse,
)
from bottle.manifest.problems import InvalidManifestError, Position, Problem, ProblemReport

FILE = Path("a.md")


def read(text: str | bytes) -> Document:
    report = ProblemReport(FILE)
    document = parse(text if isinstance(text, bytes) else text.encode(), report)
    report.raise_if_any()
    return document


def value_of(text: str) -> object:
    return read(f"---\na: {text}\n---\n").root.entries[0].value


def failure_of(text: str | bytes) -> str:
    with pytest.raises(InvalidManifestError) as raised:
        read(text)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("yes", Kind.STRING),
        ("NO", Kind.STRING),
        ("off", Kind.STRING),
        ("2026-05-24", Kind.STRING),
        ("2026-05-24T10:00:00Z", Kind.STRING),
        ("1_000", Kind.STRING),
        ("0b101", Kind.STRING),
        ("12:30:45", Kind.STRING),
        ("0x1F", Kind.INTEGER),
        ("0o17", Kind.INTEGER),
        ("-12", Kind.INTEGER),
        ("1.5", Kind.FLOAT),
        ("1e3", Kind.FLOAT),
        (".5", Kind.FLOAT),
        ("-.inf", Kind.FLOAT),
        (".nan", Kind.FLOAT),
        ("true", Kind.BOOLEAN),
        ("FALSE", Kind.BOOLEAN),
        ("tRue", Kind.STRING),
        ("~", Kind.NULL),
        ("null", Kind.NULL),
        ("", Kind.NULL),
        ("'true'", Kind.STRING),
        ('"12"', Kind.STRING),
        ("''", Kind.STRING),
        ("|\n  12", Kind.STRING),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, kind: Kind) -> None:
    value = value_of(text)

    assert isinstance(value, Scalar)
    assert value.kind is kind


@pytest.mark.parametrize("text", ["yes", "0x1F", "1_000", "1.10", "2026-05-24", "007", "TRUE"])
def test_a_plain_scalar_keeps_the_text_that_was_written(text: str) -> None:
    assert value_of(text) == Scalar(text=text, plain=True, position=Position(2, 4))


def test_positions_count_from_one_in_the_whole_file() -> None:
    document = read("---\n# comment\nouter:\n  - one\n  - key: two\n---\n")
    outer = document.root.entries[0]

    assert outer.key.position == Position(3, 1)
    assert isinstance(outer.value, Sequence)
    assert outer.value.kind is Kind.SEQUENCE
    assert outer.value.items[0].position == Position(4, 5)
    places = document.places()
    assert places.at("outer", 1, "key").position == Position(5, 10)
    assert places.at().position == Position(3, 1)


def test_a_value_that_is_left_out_stands_where_its_key_stands() -> None:
    assert read("---\nouter:\nnext: x\n---\n").root.entries[0].value.position == Position(2, 1)


def test_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    assert read(b"\xef\xbb\xbf---\r\na: b\r\n---\r\n\r\nBody\r\ntext\r\n") == read(
        "---\na: b\n---\nBody\ntext"
    )


def test_the_body_is_stripped_and_may_contain_fences() -> None:
    assert read("---\na: b\n--- \n\n One\n---\ntwo\n\n").body == "One\n---\ntwo"


def test_empty_frontmatter_is_an_empty_mapping() -> None:
    root = read("---\n---\n").root

    assert root == Mapping(entries=(), position=Position(2, 1))
    assert root.kind is Kind.MAPPING


def test_frontmatter_of_comments_is_an_empty_mapping() -> None:
    assert read("---\n# nothing yet\n---\n").root.entries == ()


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    assert failure_of(b"x" * (MAX_FILE + 1)) == "a.md:1:1  the file is larger than 1024 KiB"


def test_frontmatter_that_is_too_large_is_refused_before_it_is_parsed() -> None:
    text = f"---\na: '{'x' * MAX_FRONTMATTER}'\n---\n"

    assert failure_of(text) == "a.md:2:1  the frontmatter is larger than 128 KiB"


def test_a_long_body_is_fine() -> None:
    assert len(read("---\na: b\n---\n" + "x" * (MAX_FRONTMATTER * 2)).body) == MAX_FRONTMATTER * 2


def test_nesting_is_bounded() -> None:
    assert "nested deeper than 16 levels" in failure_of("---\na: " + "[" * 30000 + "\n---\n")


def test_a_recursive_structure_cannot_be_built() -> None:
    assert "an alias (*) is not allowed" in failure_of("---\na: &a [*a]\n---\n")


def test_aliases_that_multiply_are_never_expanded() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]

    assert failure_of("---\n" + "\n".join(lines) + "\n---\n").count("an alias") == 118


def test_an_alias_as_the_whole_document_is_refused() -> None:
    assert (
        failure_of("---\n*a\n---\n").splitlines()[-1]
        == "a.md:2:1  the frontmatter must be a mapping, not an alias"
    )


def test_an_alias_as_a_key_is_reported_once() -> None:
    assert failure_of("---\na: &x y\n*x : z\n---\n").splitlines() == [
        "a.md:2:4  a: an anchor (&) is not allowed; remove it",
        "a.md:3:1  an alias (*) is not allowed; write the value out",
    ]


def test_what_is_unusable_is_kept_apart() -> None:
    report = ProblemReport(FILE)

    document = parse(b"---\na: &x y\nb: *x\n---\n", report)

    assert document.root.entries[1].value == Unusable(position=Position(3, 4))


def test_a_problem_at_the_very_end_points_into_the_file() -> None:
    assert failure_of("---\na: [1\n---\n").startswith("a.md:2:6  not YAML")


def test_a_yaml_directive_is_refused() -> None:
    assert "not YAML" in failure_of("---\n%YAML 1.1\na: yes\n---\n")


@given(st.binary(max_size=300))
@example(b"\xff\xfe-\x00")
@example(b"---\n\xc3\n---\n")
def test_any_bytes_are_a_document_or_problems(data: bytes) -> None:
    problems: tuple[Problem, ...] | None = None
    try:
        read(data)
    except InvalidManifestError as error:
        problems = error.problems
    assert problems is None or problems


@given(st.text(alphabet=st.sampled_from(list("ab:-?!&*#|>%@`'\"{}[],\t \n<~=.0")), max_size=60))
def test_any_frontmatter_is_a_document_or_problems(text: str) -> None:
    lines = text.count("\n") + 1
    try:
        read(f"---\n{text}\n---\n")
    except InvalidManifestError as error:
        for problem in error.problems:
            position = problem.location.position
            assert position is not None
            assert position.line <= lines + 1
            assert str(problem).isprintable()
