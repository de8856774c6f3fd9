"""Sees through the encodings that a text may be wrapped in: each layer is a text of its own to search.

Escapes are undone in rounds, so that a JSON document in a string of another one, or a percent-encoded form
inside it, comes out. A decoder looks for its own sign first, and a text without it costs next to nothing.
The end of every layer comes from the end of the text, which is what holding back relies on.
"""

import html
import re
from binascii import a2b_base64, a2b_hex, a2b_qp
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import unquote_to_bytes

ROUNDS = 4
"""Escapes within escapes, and base64 within base64, are undone so many times."""
_SHORTEST_RUN = 20
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


def held_in_runs(text: bytes) -> Iterator[bytes]:
    """What the base64 and hex runs of a text hold, line breaks left aside.

    Each run is read in all alignments, since other letters may stand before it.
    """
    plain = text.translate(_URL_SAFE, b"\r\n")
    runs = [plain[start:end] for start, end in _BASE64.runs(plain)]
    if runs:
        is_open = plain.endswith(runs[-1])
        yield from _from_base64(runs, is_open=is_open)
        yield from _from_hex(b" ".join(runs), is_open=is_open)


def _from_base64(runs: Sequence[bytes], *, is_open: bool) -> Iterator[bytes]:
    if is_open:
        *whole, last = runs
        for first in range(4):
            yield a2b_base64(_filled(whole, first) + _padded(last[first:]))
    else:
        yield a2b_base64(b"".join(_filled(runs, first) for first in range(4)))


def _filled(runs: Sequence[bytes], first: int) -> bytes:
    """Without padding the last letters would not count; the zero bytes after them do no harm."""
    line_breaks = b"CgoK"
    return b"".join(run[first:] + b"AAA"[: (first - len(run)) % 4] + line_breaks for run in runs)


def _padded(run: bytes) -> bytes:
    """As base64 ends; a single letter more is none yet."""
    rest = len(run) % 4
    return run[:-1] if rest == 1 else run + b"=" * (-rest % 4)


def _from_hex(text: bytes, *, is_open: bool) -> Iterator[bytes]:
    runs = [text[start:end] for start, end in _HEX.runs(text)]
    if runs:
        end = b"" if is_open and text.endswith(runs[-1]) else b"0a"
        for first in range(2):
            whole = b"0a".join(run[first : first + (len(run) - first) // 2 * 2] for run in runs)
            yield a2b_hex(whole + end)


_NUMBER = rb"(?:0[xX][0-9a-fA-F]{2}|25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})"
_NUMBERS = re.compile(
    rb"(?<![0-9A-Za-z.])(?:" + _NUMBER + rb"[\s,]{1,12}+){15,}" + _NUMBER + rb"(?![0-9A-Za-z.])"
)


def listed_bytes(text: bytes) -> Iterator[bytes]:
    """What lists of numbers hold: how JSON, Python, C and `od` write bytes that are no text."""
    for found in _NUMBERS.finditer(text):
        numbers = found[0].replace(b",", b" ").split()
        values = [int(number, 16 if b"x" in number.lower() else 10) for number in numbers]
        if found.end() < len(text):
            values.append(ord("\n"))
        else:
            yield bytes(values[:-1])  # the last number may be half of one
        yield bytes(values)


_WIDE_QUOTED = re.compile(rb"%[uU]([0-9a-fA-F]{4})")


def _unquoted(text: bytes) -> bytes:
    if b"%u" in text or b"%U" in text:
        text = _WIDE_QUOTED.sub(lambda found: chr(int(found[1], 16)).encode("utf-8", "surrogatepass"), text)
    return unquote_to_bytes(text) if b"%" in text else text


_ESCAPE = re.compile(
    rb"\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|U([0-9a-fA-F]{8})"
    rb"|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|([r/'`]))"
)
_ESCAPED = re.compile(rb"\\[\\nt\"r/'`uUx0-3]")


def _unescaped(text: bytes) -> bytes:
    """The string escapes of JSON, JavaScript, C, Python and shells undone, through all levels at once.

    A backslash that is itself escaped counts as one: what a text in a text in a text escapes comes out,
    whatever the number of levels.
    """
    if not _ESCAPED.search(text):
        return text
    while b"\\\\" in text:
        text = text.replace(b"\\\\", b"\\")
    text = text.replace(b'\\"', b'"').replace(b"\\n", b"\n").replace(b"\\t", b"\t")
    return _ESCAPE.sub(_character, text)


def _character(match: re.Match[bytes]) -> bytes:
    unicode, braced, wide, byte, octal, simple = match.groups()
    if simple:
        return b"\r" if simple == b"r" else simple
    if byte or octal:
        return bytes((int(byte, 16) if byte else int(octal, 8),))
    code = int(unicode or braced or wide, 16)
    return chr(code).encode("utf-8", "surrogatepass") if code <= 0x10FFFF else match[0]


_ENTITY = re.compile(rb"&(?:#0{0,32}[0-9]{1,7};?|#[xX]0{0,32}[0-9a-fA-F]{1,6};?|[A-Za-z]{2,31};)")


def _without_entities(text: bytes) -> bytes:
    return _ENTITY.sub(_entity, text) if b"&" in text else text


def _entity(match: re.Match[bytes]) -> bytes:
    return html.unescape(match[0].decode("ascii")).encode("utf-8", "surrogatepass")


_QUOTED_PRINTABLE = re.compile(rb"=(?:3[dD]|[ \t]*\r?\n|[0-9a-fA-F]{2}=[0-9a-fA-F]{2})")


def quoted_printable_layers(text: bytes) -> Iterator[bytes]:
    """The text without this encoding, where it shows what no other text is likely to have."""
    if _QUOTED_PRINTABLE.search(text):
        yield a2b_qp(text)


_PARTIAL_ESCAPE = re.compile(
    rb"(?:\\(?:u[0-9a-fA-F]{0,3}|x[0-9a-fA-F]?|[0-3][0-7]?)?|%(?:[0-9a-fA-F]?|[uU][0-9a-fA-F]{0,3})"
    rb"|&(?:#[xX]?[0-9a-fA-F]{0,39}|[0-9a-zA-Z]{0,7})|=[0-9a-fA-F]?)\Z"
)


def without_partial_escape(text: bytes) -> bytes:
    """A text less an escape that what follows may complete."""
    partial = _PARTIAL_ESCAPE.search(text, max(0, len(text) - 42))
    return text if partial is None else text[: partial.start()]


_STEPS: tuple[Callable[[bytes], bytes], ...] = (
    _unquoted,
    _unescaped,
    _without_entities,
)

_BETWEEN_VALUES = (
    re.compile(rb"&[^=&\s]{1,64}="),
    re.compile(rb'"\s*(?:\}\s*)?,\s*(?:\{\s*)?"[^"\\]{1,64}"\s*:\s*"'),
    re.compile(rb";[ ]?[^=&;\s]{1,64}="),
    re.compile(rb"\r\n--[^\r\n]{1,80}\r\n(?:[^\r\n]{1,200}\r\n){0,8}\r\n"),
)  # several searches, since each is quick for what it begins with


_PERCENT = re.compile(rb"%[0-9a-fA-F]{2}")
_BESIDE_PLUS = (re.compile(rb"%[0-9a-fA-F]{2}\+"), re.compile(rb"\+%[0-9a-fA-F]{2}"))


def spaced(text: bytes) -> bytes:
    """A text with its `+` as spaces, where it is a form or holds one.

    A form has percent-encoding and no spaces. Within another text, percent-encoding right beside a `+` tells.
    """
    if b"+" not in text or not _PERCENT.search(text):
        return text
    is_form = b" " not in text or any(beside.search(text) for beside in _BESIDE_PLUS)
    return text.replace(b"+", b" ") if is_form else text


def parameters(text: bytes) -> bytes:
    """A form, or a query, with one parameter a line; rules expect a value to end as in a file."""
    return text.replace(b"&", b"\n") if _BETWEEN_VALUES[0].search(text) else text


def joined(text: bytes) -> bytes:
    """The values of adjacent parameters, JSON members or parts of a form, one right after the other."""
    for between in _BETWEEN_VALUES:
        text = between.sub(b"", text)
    return text


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


def unescaped(text: bytes) -> Iterator[bytes]:
    """The texts that appear as escapes are undone; the last of them has none left, or not many."""
    current = text
    for _ in range(ROUNDS):
        before = current
        for step in _STEPS:
            decoded = step(current)
            if decoded != current:
                yield decoded
                current = decoded
        if current is before:
            return
