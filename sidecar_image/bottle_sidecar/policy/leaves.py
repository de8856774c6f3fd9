"""Picks single values out of JSON while it passes, in bounded memory: no document is ever held.

What is malformed yields nothing or nonsense, and never raises: the bytes come from outside.
"""

import json
import re
from collections.abc import Collection

Path = tuple[str, ...]
Scalar = str | int | bool
Leaf = tuple[Path, Scalar]

_LONGEST = 256  # bytes of a name or value that can be of interest
_TOKEN = re.compile(rb'[^\s{}\[\],:"]+|[{}\[\],:"]')
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_DELIMITER = re.compile(rb'[\s{}\[\],:"]')
_INTEGER = re.compile(rb"-?[0-9]{1,18}")
_WORDS: dict[bytes, bool] = {b"true": True, b"false": False}


class Leaves:
    """One JSON text, `feed` by `feed`. Integers, booleans and short strings are found where `wanted` says.

    A path is the names of the objects on the way; nothing inside an array is found.
    """

    def __init__(self, wanted: Collection[Path]) -> None:
        self._wanted = frozenset(wanted)
        self._depth = max(map(len, self._wanted), default=0)
        self._open: list[str | None] = []  # the current name in each open object; None for an array
        self._deeper = 0
        self._naming = False
        self._string: bytearray | None = None
        self._escaped = False
        self._word = bytearray()
        self._found: list[Leaf] = []

    def feed(self, data: bytes) -> list[Leaf]:
        """What these bytes completed, in order."""
        self._found = []
        position = 0
        while position < len(data):
            if self._string is not None:
                position = self._read_string(self._string, data, position)
            elif self._word:
                position = self._read_word(data, position)
            else:
                position = self._read_token(data, position)
        return self._found

    def _read_token(self, data: bytes, position: int) -> int:
        token = _TOKEN.search(data, position)
        if token is None:
            return len(data)
        text = token[0]
        if text == b'"':
            self._string = bytearray()
        elif text in b"{[":
            self._enter(is_object=text == b"{")
        elif text in b"}]":
            self._leave()
        elif text == b",":
            self._naming = not self._deeper and bool(self._open) and self._open[-1] is not None
        elif text == b":":
            self._naming = False
        else:
            return self._read_word(data, position=token.start())
        return token.end()

    def _read_word(self, data: bytes, position: int) -> int:
        """A number, `true`, `false` or `null`; complete where something else follows it."""
        end = _DELIMITER.search(data, position)
        stop = len(data) if end is None else end.start()
        self._word += data[position : min(stop, position + _LONGEST)]
        del self._word[_LONGEST:]
        if end is not None:
            word = bytes(self._word)
            self._word.clear()
            if _INTEGER.fullmatch(word):
                self._value(int(word))
            elif word in _WORDS:
                self._value(_WORDS[word])
        return stop

    def _read_string(self, kept: bytearray, data: bytes, position: int) -> int:
        start = position
        if self._escaped:
            self._escaped = False
            position += 1
        rest = _IN_STRING.match(data, position)
        stop = position if rest is None else rest.end()
        if len(kept) <= _LONGEST:
            kept += data[start : min(stop, start + _LONGEST + 1)]
        if stop == len(data):
            return stop
        if data[stop : stop + 1] == b"\\":
            self._escaped = True
            kept += b"\\" if len(kept) <= _LONGEST else b""
        else:
            self._string = None
            self._close_string(bytes(kept))
        return stop + 1

    def _close_string(self, raw: bytes) -> None:
        if self._deeper:
            return
        text = _decoded(raw)
        if not self._naming:
            if text is not None:
                self._value(text)
        elif self._open:
            self._open[-1] = text or ""
            self._naming = False

    def _value(self, value: Scalar) -> None:
        if self._deeper or None in self._open:
            return
        path = tuple(name for name in self._open if name is not None)
        if path in self._wanted:
            self._found.append((path, value))

    def _enter(self, *, is_object: bool) -> None:
        if self._deeper or len(self._open) >= self._depth:
            self._deeper += 1
            return
        self._open.append("" if is_object else None)
        self._naming = is_object

    def _leave(self) -> None:
        if self._deeper:
            self._deeper -= 1
        elif self._open:
            self._open.pop()
        self._naming = False


def _decoded(raw: bytes) -> str | None:
    """None for what is too long, or no string of JSON."""
    if len(raw) > _LONGEST:
        return None
    try:
        text = json.loads(b'"%s"' % raw, strict=False)
    except ValueError:
        return None
    return text if isinstance(text, str) else None
