import io

import pytest

from bottle.cli.patchtext import Painter

PATCH = b"""diff --git a/f b/f
index 1..2 100644
--- a/f
+++ b/f
@@ -1,3 +1,3 @@ context
 same
-old
+new
\\ No newline at end of file
 same
diff --git a/g b/g
@@ -0,0 +1 @@
+x
"""


def painted(text: bytes, *, color: bool = True) -> list[bytes]:
    return list(Painter(color=color).patch(io.BytesIO(text)))


def test_lines_get_the_colours_that_git_gives_them() -> None:
    assert painted(PATCH) == [
        b"\x1b[1mdiff --git a/f b/f\x1b[m\n",
        b"\x1b[1mindex 1..2 100644\x1b[m\n",
        b"\x1b[1m--- a/f\x1b[m\n",
        b"\x1b[1m+++ b/f\x1b[m\n",
        b"\x1b[36m@@ -1,3 +1,3 @@ context\x1b[m\n",
        b" same\n",
        b"\x1b[31m-old\x1b[m\n",
        b"\x1b[32m+new\x1b[m\n",
        b"\\ No newline at end of file\n",
        b" same\n",
        b"\x1b[1mdiff --git a/g b/g\x1b[m\n",
        b"\x1b[36m@@ -0,0 +1 @@\x1b[m\n",
        b"\x1b[32m+x\x1b[m\n",
    ]


def test_without_colours_a_plain_patch_is_itself() -> None:
    assert b"".join(painted(PATCH, color=False)) == PATCH


@pytest.mark.parametrize("color", [True, False])
def test_what_an_agent_wrote_steers_no_terminal(color: bool) -> None:  # noqa: FBT001
    evil = "\x1b]0;title\x07\x1b[2J\x9b31m\r\b\u202e\u200b".encode() + b"\xff\x9b"
    text = b"@@ -1 +1,2 @@ \x1b[8m\n-" + evil + b"\n+" + evil + b"\n+" + evil + b"\n"

    shown = b"".join(painted(text, color=color))

    plain = shown
    for colour in (b"\x1b[36m", b"\x1b[31m", b"\x1b[32m", b"\x1b[m"):
        plain = plain.replace(colour, b"") if color else plain
    for forbidden in (b"\x1b", b"\x07", b"\x9b", b"\r", b"\b", "\u202e".encode(), "\u200b".encode(), b"\xff"):
        assert forbidden not in plain
    assert b"\\x1b]0;title\\x07\\x1b[2J" in plain


def test_content_passes_for_no_header() -> None:
    text = b"@@ -1,2 +1,2 @@\n--- a/f\n+++ b/f\n-@@ -1 +1 @@\n+diff --git\n"
    assert [line[:5] for line in painted(text)[1:]] == [b"\x1b[31m", b"\x1b[32m", b"\x1b[31m", b"\x1b[32m"]


def test_a_line_of_any_length_comes_in_pieces_of_one_colour() -> None:
    text = b"@@ -0,0 +1 @@\n+" + b"x" * 200_000 + b"\n+"

    pieces = painted(text)[1:]

    assert max(map(len, pieces)) < 70_000
    assert all(piece.startswith(b"\x1b[32m") for piece in pieces[:-1])
    assert b"".join(pieces).count(b"x") == 200_000


def test_the_bar_of_a_count_is_coloured() -> None:
    text = b" a | b |  3 ++-\n x | 2 ++ => y\x1b | 1 -\n img | Bin 0 -> 2 bytes\n 2 files changed\n"

    assert list(Painter(color=True).stat(io.BytesIO(text))) == [
        b" a | b |  3 \x1b[32m++\x1b[m\x1b[31m-\x1b[m\n",
        b" x | 2 ++ => y\\x1b | 1 \x1b[31m-\x1b[m\n",
        b" img | Bin 0 -> 2 bytes\n",
        b" 2 files changed\n",
    ]
    assert b"".join(Painter(color=False).stat(io.BytesIO(b" a | 1 +\n"))) == b" a | 1 +\n"


def test_names_are_escaped() -> None:
    assert list(Painter(color=True).names(io.BytesIO(b"M\ta\xe2\x80\xaeb\n"))) == [b"M\ta\\u202eb\n"]
