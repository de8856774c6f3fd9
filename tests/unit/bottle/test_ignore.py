import os
from pathlib import Path, PurePosixPath

import pytest

from bottle.errors import BottleError
from bottle.ignore import Ignore, Spot, read_patterns


def at(path: str, *patterns: str) -> Spot:
    spot = Ignore.of(patterns).top()
    for name in PurePosixPath(path).parts:
        spot = spot.below(name)
    return spot


@pytest.mark.parametrize(
    ("pattern", "out", "kept"),
    [
        ("target", ["target", "target/a/b"], ["a/target", "targets", "Target"]),
        ("/target/", ["target", "target/a"], ["a/target"]),
        ("./a//b/../c", ["a/c"], ["a/b", "a"]),
        ("*/temp*", ["a/temporary.txt", "a/temp/x"], ["temp", "a/b/temp"]),
        ("*.o", ["x.o", ".o"], ["a/x.o", "x.oo"]),
        ("temp?", ["tempa"], ["temp", "tempab", "temp/a"]),
        ("**/*.go", ["x.go", "a/b/x.go", "a.go/x"], ["x.goo"]),
        ("**/a/**/b", ["a/b", "x/a/y/z/b"], ["a", "b", "x/b"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b/a"]),
        ("**", ["a", "a/b"], []),
        ("a/**/b", ["a/b", "a/x/y/b"], ["ab", "a/x"]),
        ("a**b", ["ab", "axb"], ["a/b"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x"]),
        ("[^a-c]x", ["dx", "^x"], ["ax", "x"]),
        (r"[\]\-]x", ["]x", "-x"], [r"\x"]),
        (r"\*", ["*"], ["a"]),
        (r"\#a", ["#a"], ["a"]),
        ("a.c", ["a.c"], ["abc"]),
        ("a b", ["a b"], ["a"]),
        ("*a*a*", ["xaxa", "aa"], ["a", "xax"]),
        ("*ab", ["abab", "ab"], ["aba"]),
        ("new\nline*", ["new\nline\n"], ["new"]),
        (".", [], ["a"]),
        ("../a", [], ["a"]),
    ],
)
def test_what_a_pattern_means(pattern: str, out: list[str], kept: list[str]) -> None:
    assert [path for path in out if not at(path, pattern).excluded] == []
    assert [path for path in kept if at(path, pattern).excluded] == []


@pytest.mark.parametrize(
    ("patterns", "out", "kept"),
    [
        (("*.md", "!README.md"), ["a.md"], ["README.md"]),
        (("*.md", "!README*.md", "README-secret.md"), ["README-secret.md"], ["README.md"]),
        (("*.md", "README-secret.md", "!README*.md"), ["a.md"], ["README.md", "README-secret.md"]),
        (("a", "!a/b"), ["a/c", "a"], ["a/b", "a/b/c"]),
        (("a", "!a/b", "a/b/c"), ["a/b/c", "a/b/c/d"], ["a/b/x"]),
        (("!a", "a"), ["a"], []),
        (("**", "! src "), ["x"], ["src/x"]),
    ],
)
def test_the_last_pattern_that_matches_decides(
    patterns: tuple[str, ...], out: list[str], kept: list[str]
) -> None:
    assert [path for path in out if not at(path, *patterns).excluded] == []
    assert [path for path in kept if at(path, *patterns).excluded] == []


@pytest.mark.parametrize(
    ("path", "patterns", "settled"),
    [
        ("a", ("a",), True),
        ("src", ("target", "build/*"), True),
        ("build", ("build/*",), False),
        ("src", ("**/x",), False),
        ("a", ("a", "!a/b"), False),
        ("a/c", ("a", "!a/b"), True),
        ("a", ("a", "!**/b"), False),
        (".", (), True),
    ],
)
def test_a_place_knows_whether_all_below_is_like_it(
    path: str, patterns: tuple[str, ...], settled: int
) -> None:
    assert at(path, *patterns).settled == bool(settled)


def test_a_path_alone_tells() -> None:
    ignore = Ignore.of(("a", "!a/b", "**/c"))

    paths = map(PurePosixPath, ("a", "a/b", "a/x", "x/c/d", "."))

    assert [str(path) for path in paths if ignore.excludes(path)] == ["a", "a/x", "x/c/d"]


def test_no_pattern_takes_long() -> None:
    """One expression with as many wildcards over the same names would not end this year."""
    name = "a" * 255
    patterns = ("*a" * 100 + "b", "**/" + "/".join(["**", "*a*"] * 50) + "/b", "[a-a]*" * 60 + "b")

    assert not at("/".join([name] * 15), *patterns).excluded


def test_a_file_has_comments_and_empty_lines(tmp_path: Path) -> None:
    (tmp_path / ".bottleignore").write_bytes(b"\xef\xbb\xbf# one\r\n\n  a \r\n#two\n #three\n!b\n\xff\n")

    assert read_patterns(tmp_path) == ("a", "#three", "!b", os.fsdecode(b"\xff"))


def test_without_a_file_nothing_stays_out(tmp_path: Path) -> None:
    assert read_patterns(tmp_path) == ()
    os.mkfifo(tmp_path / ".bottleignore")
    assert read_patterns(tmp_path) == ()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[a", "has no ']'"),
        ("[]", "has no ']'"),
        ("a\\", "backslash"),
        ("!", "behind it"),
        ("[b-a]", "no range"),
    ],
)
def test_a_mistake_is_an_error_that_says_where(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / ".bottleignore").write_text(f"fine\n{line}\n")
    with pytest.raises(BottleError) as caught:
        read_patterns(tmp_path)

    assert says in caught.value.message
    assert caught.value.location == f"{tmp_path}/.bottleignore:2"


def test_a_file_past_all_measure_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".bottleignore").write_text("a\n" * (1 << 20))
    with pytest.raises(BottleError, match="larger than 1 MiB"):
        read_patterns(tmp_path)
