"""Sees through the encodings that a text may be wrapped in: each layer is a text of its own to search.

Escapes are undone in rounds, so that a JSON document in a string of another one, or a percent-encoded form
inside it, comes out. A decoder looks for its own sign first, and a text without it costs next to nothing.
The end of every layer comes from the end of the text, which is what holding back relies on.
"""

import html
import re
from binascii import a2b_base64, a2b_hex, a2b_qp
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

ROUNDS = 4
"""Escapes within escapes, and base64 within base64, are undone so many times."""
_SHORTEST_RUN = 16
_BINARY_SAMPLE = 4096


class Alphabet:
    """Finds the stretches of a text that keep to a set of letters and are long enough to matter."""

    def __init__(self, letters: bytes, shortest: int) -> None:
        self._marks = bytes(ord("x") if byte in letters else ord(" ") for byte in range(256))
        self._head = b"x" * shortest

    def runs(self, text: bytes) -> list[tuple[int, int]]:
        marks = text.translate(self._marks)
        found = []
        start = marks.find(self._head)
        while start >= 0:
            end = marks.find(b" ", start)
            found.append((start, end if end >= 0 else len(text)))
            start = marks.find(self._head, found[-1][1])
        return found


_DIGITS = b"0123456789"
_LETTERS = bytes(range(ord("a"), ord("z") + 1)) + bytes(range(ord("A"), ord("Z") + 1))
_BASE64 = Alphabet(_DIGITS + _LETTERS + b"+/", _SHORTEST_RUN)
_HEX = Alphabet(_DIGITS + b"abcdefABCDEF", _SHORTEST_RUN)
_PRINTABLE = Alphabet(bytes(range(0x20, 0x7F)) + b"\t\r\n", 12)
_CONTROL = bytes(set(range(0x20)) - set(b"\t\r\n\x1b")) + b"\x7f"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def base64_layers(text: bytes) -> Iterator[bytes]:
    """What its base64 runs hold, each in all four alignments, since a run may begin with other letters.

    A run that has no padding is filled up, so that its last letters count; zero bytes do no harm.
    """
    plain = text.translate(_URL_SAFE, b"\r\n")
    runs = [plain[start:end] for start, end in _BASE64.runs(plain)]
    if not runs:
        return
    is_open = plain.endswith(runs[-1])
    for first in range(4):
        parts = [run[first:] + b"A" * ((first - len(run)) % 4) for run in runs]
        if is_open:
            parts[-1] = _padded(runs[-1][first:])
        yield a2b_base64(b"CgoK".join(parts) + (b"" if is_open else b"CgoK"))  # three line breaks


def _padded(run: bytes) -> bytes:
    """As base64 ends; a single letter more is none yet."""
    rest = len(run) % 4
    return run[:-1] if rest == 1 else run + b"=" * (-rest % 4)


def hex_layers(text: bytes) -> Iterator[bytes]:
    """What its runs of hexadecimal digits hold, in both alignments."""
    plain = text.translate(None, b"\r\n")
    runs = [plain[start:end] for start, end in _HEX.runs(plain)]
    if runs:
        end = b"" if plain.endswith(runs[-1]) else b"0a"
        for first in range(2):
            whole = b"0a".join(run[first : first + (len(run) - first) // 2 * 2] for run in runs)
            yield a2b_hex(whole + end)


def _unquoted(text: bytes) -> bytes:
    return unquote_to_bytes(text) if b"%" in text else text


_SIMPLE_ESCAPES = (
    (b'\\"', b'"'), (b"\\n", b"\n"), (b"\\r", b"\r"), (b"\\t", b"\t"), (b"\\/", b"/"), (b"\\'", b"'"),
)  # fmt: skip
_CODE_ESCAPE = re.compile(
    rb"\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-3][0-7]{2}))"
)
_BACKSLASH = b"\xff\xfe\\\xfe\xff"  # no text has it, in any charset


def _unescaped(text: bytes) -> bytes:
    """The string escapes of JSON, JavaScript, C, Python and shells undone, once."""
    if b"\\" not in text:
        return text
    paired = b"\\\\" in text
    if paired:
        text = text.replace(b"\\\\", _BACKSLASH.replace(b"\\", b""))
    for escape, letter in _SIMPLE_ESCAPES:
        text = text.replace(escape, letter)
    if b"\\" in text:
        text = _CODE_ESCAPE.sub(_character, text)
    return text.replace(_BACKSLASH.replace(b"\\", b""), b"\\") if paired else text


def _character(match: re.Match[bytes]) -> bytes:
    if match[4] or match[5]:
        return bytes((int(match[4], 16) if match[4] else int(match[5], 8),))
    code = int(match[1] or match[2] or match[3], 16)
    return chr(code).encode("utf-8", "surrogatepass") if code <= 0x10FFFF else match[0]


_ENTITY = re.compile(rb"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,31});")


def _without_entities(text: bytes) -> bytes:
    return _ENTITY.sub(_entity, text) if b"&" in text else text


def _entity(match: re.Match[bytes]) -> bytes:
    return html.unescape(match[0].decode("ascii")).encode("utf-8", "surrogatepass")


_QUOTED_PRINTABLE = re.compile(rb"=(?:[0-9a-fA-F]{2}|[ \t]*\r?\n)")


def _from_quoted_printable(text: bytes) -> bytes:
    return a2b_qp(text) if _QUOTED_PRINTABLE.search(text) else text


_PARTIAL_ESCAPE = re.compile(
    rb"(?:\\(?:u[0-9a-fA-F]{0,3}|x[0-9a-fA-F]?)?|%[0-9a-fA-F]?|&#?[0-9a-zA-Z]{0,7}|=[0-9a-fA-F]?)\Z"
)


def without_partial_escape(text: bytes) -> bytes:
    """A text less an escape that what follows may complete."""
    partial = _PARTIAL_ESCAPE.search(text, max(0, len(text) - 9))
    return text if partial is None else text[: partial.start()]


_STEPS: tuple[Callable[[bytes], bytes], ...] = (
    _unquoted,
    _unescaped,
    _without_entities,
    _from_quoted_printable,
)

_BETWEEN_VALUES = re.compile(
    rb"[&;][^=&;\s]{1,64}="
    rb'|"\s*,\s*"[^"\\]{1,64}"\s*:\s*"'
    rb"|\r\n--[^\r\n]{1,80}\r\n(?:[^\r\n]{1,200}\r\n){0,8}\r\n"
)


def joined(text: bytes) -> bytes:
    """The values of adjacent parameters, JSON members or parts of a form, one right after the other."""
    return _BETWEEN_VALUES.sub(b"", text)


def legible(text: bytes) -> bytes:
    """A text less what no text has; of a binary one, the printable stretches alone."""
    if b"\0" in text:
        text = text.translate(None, b"\0")  # UTF-16 and UTF-32, for all that matters here
    sample = text[:_BINARY_SAMPLE] + text[-_BINARY_SAMPLE:]
    if len(sample) - len(sample.translate(None, _CONTROL)) <= len(sample) // 32:
        return text
    end = b"\n"
    runs = _PRINTABLE.runs(text)
    if runs and runs[-1][1] == len(text):
        end = b""
    return b"\n".join(text[start:stop] for start, stop in runs) + end


def unwrapped(text: bytes) -> Iterator[tuple[bytes, ...]]:
    """Round by round, the texts that appear as escapes are undone; the last of a round is its result.

    The first round is the text itself, as far as it is legible.
    """
    current = legible(text)
    yield (current,)
    for _ in range(ROUNDS):
        stages = []
        for step in _STEPS:
            decoded = step(current)
            if decoded != current:
                stages.append(decoded)
                current = decoded
        if not stages:
            return
        yield tuple(stages)


def decoded(text: bytes) -> Iterator[bytes]:
    """What the base64 and hex runs of a text hold."""
    yield from base64_layers(text)
    yield from hex_layers(text)
