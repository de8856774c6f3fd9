"""A diff for people: the colours that git would give it, and nothing else that steers a terminal.

git marks what it colours with the same bytes that a file may hold, so the colours are put on here, by the
line's place in the diff: what a hunk holds is counted, and cannot pass for a header.
"""

import re
from collections.abc import Iterator
from typing import IO

from bottle.terminal import printable

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_BAR = re.compile(r"( \| +\d+ )(\+*)(-*)$")
_LONGEST = 1 << 16  # a longer line comes in pieces
_BOLD, _RED, _GREEN, _CYAN = "1", "31", "32", "36"


class Painter:
    """Goes through the output of git's diff, one form of it. `color`: else nothing is coloured."""

    def __init__(self, *, color: bool) -> None:
        self._color = color
        self._old = self._new = 0

    def patch(self, stream: IO[bytes]) -> Iterator[bytes]:
        """Of a unified diff."""
        tone = ""
        begins = True
        while piece := stream.readline(_LONGEST):
            if begins:
                tone = self._tone(piece)
            begins = piece.endswith(b"\n")
            yield self._painted(piece, tone)

    def stat(self, stream: IO[bytes]) -> Iterator[bytes]:
        """Of `--stat`: the bar at a line's end is coloured."""
        while line := stream.readline():
            text = _shown(line)
            match = _BAR.search(text) if self._color else None
            if match:
                count, plus, minus = match.groups()
                bar = f"{self._in(plus, _GREEN)}{self._in(minus, _RED)}"
                text = f"{text[: match.start()]}{count}{bar}"
            yield text.encode() + b"\n"

    def names(self, stream: IO[bytes]) -> Iterator[bytes]:
        """Of `--name-status`, which git does not colour."""
        while line := stream.readline():
            yield _shown(line).encode() + b"\n"

    def _tone(self, line: bytes) -> str:
        """Of a line; keeps count of how much of a hunk is left."""
        if self._old > 0 or self._new > 0:
            return self._inside(line)
        hunk = _HUNK.match(line)
        if hunk:
            self._old, self._new = (1 if count is None else int(count) for count in hunk.groups())
            return _CYAN
        return "" if line.startswith(b"\\") else _BOLD

    def _inside(self, line: bytes) -> str:
        match line[:1]:
            case b"-":
                self._old -= 1
                return _RED
            case b"+":
                self._new -= 1
                return _GREEN
            case b"\\":
                return ""
        self._old -= 1
        self._new -= 1
        return ""

    def _painted(self, piece: bytes, tone: str) -> bytes:
        text = self._in(_shown(piece), tone)
        return text.encode() + (b"\n" if piece.endswith(b"\n") else b"")

    def _in(self, text: str, tone: str) -> str:
        return f"\x1b[{tone}m{text}\x1b[m" if self._color and tone and text else text


def _shown(line: bytes) -> str:
    return printable(line.removesuffix(b"\n").decode(errors="surrogateescape"))
