"""Request targets: which of them could be read in two ways, and which lie under an allowed prefix.

The proxy forwards the very bytes it judged, so a path is never repaired here. A target is under a
prefix when its raw text is, on a segment boundary; and no reading of it may hold a dot segment. Every
other thing that servers do to a path (decoding, once or more, merging slashes, turning backslashes,
dropping `;parameters`, cutting at an encoded `?`, folding letters) maps the prefix and the target alike,
so what lay under the prefix stays under it. Dot segments are the one exception, hence barred in every
reading.
"""

import fnmatch
import re
import unicodedata
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote_to_bytes

from attrs import frozen

MAX_DECODINGS = 3
_TARGET = re.compile(r"/[!-~]*")
_PLAIN_PATH = re.compile(r"(?:/(?!\.+(?:/|\Z))[A-Za-z0-9._~!$&'()*,=:@-]*)+")
_TRIPLET = re.compile(r"%[0-9A-Fa-f]{2}")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_IIS_ESCAPE = re.compile(r"%u[0-9A-Fa-f]{4}")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DOT_SEGMENT = re.compile(r"[/\\][ +]*\.[. +]*(?:\Z|[/\\;?#])")
_LOOKALIKES = str.maketrans({"\u2215": "/", "\u29f8": "/", "\u2044": "/", "\u2216": "\\", "\u29f5": "\\"})


class TargetError(ValueError):
    """A request target, path prefix or query that is malformed or ambiguous; says which and why."""


@frozen
class PathPrefix:
    """An entry of `path_allowlist`. `text` has no trailing slash (so `/` is the empty text)."""

    text: str

    @classmethod
    def parse(cls, raw: str) -> "PathPrefix":
        """Raises TargetError. Written as it stands in a URL; letters outside ASCII may be written plainly."""
        path = _NOT_ASCII.sub(_encode, raw)
        if not _TARGET.fullmatch(path) or "?" in path or "#" in path:
            raise TargetError("a path prefix starts with / and has no spaces, query or fragment")
        if path.startswith("//"):
            raise TargetError("a path prefix may not start with //")
        problem = ambiguity(path)
        if problem is not None:
            raise TargetError(f"a path prefix may not be ambiguous: {problem}")
        return cls(_upper_triplets(path).rstrip("/"))

    def covers(self, path: str) -> bool:
        """Whether a path with upper-case triplets is this prefix or lies below it."""
        return path.startswith(self.text) and path[len(self.text) : len(self.text) + 1] in ("", "/")


@frozen
class QueryRule:
    """The whole query that a route permits: each named parameter once, matching its glob, and no other."""

    patterns: Mapping[str, re.Pattern[str]]

    @classmethod
    def of(cls, globs: Sequence[tuple[str, str]]) -> "QueryRule":
        return cls({name: re.compile(fnmatch.translate(glob)) for name, glob in globs})

    def problem(self, query: str) -> str | None:
        """Why the raw query is not permitted, naming parameters of the rule only. Raises TargetError."""
        seen: set[str] = set()
        for name, values in parameters(query):
            if name not in self.patterns:
                return "the query has a parameter that the route does not list"
            if name in seen:
                return f"the query parameter {name!a} occurs more than once"
            seen.add(name)
            if not self.matches(name, values):
                return f"the query parameter {name!a} does not match its pattern"
        missing = next((name for name in self.patterns if name not in seen), None)
        return None if missing is None else f"the query parameter {missing!a} is missing"

    def matches(self, name: str, values: Sequence[str]) -> bool:
        """Whether every reading of a listed parameter's value matches its pattern."""
        return all(self.patterns[name].match(value) for value in values)


@frozen
class RequestTarget:
    """An origin-form target, as sent but for upper-case triplets in `path`. `query` is None without `?`."""

    path: str
    query: str | None

    @classmethod
    def parse(cls, raw: str) -> "RequestTarget":
        """Raises TargetError for what no route allows: another form, beyond printable ASCII, a fragment."""
        if not _TARGET.fullmatch(raw):
            raise TargetError(
                "the request target does not start with / or has characters that a URL cannot have"
            )
        if "#" in raw:
            raise TargetError("the request target has a fragment")
        path, mark, query = raw.partition("?")
        return cls(_upper_triplets(path), query if mark else None)

    def ambiguity(self) -> str | None:
        """Why the path could be read as another one; None where all agree. Asked under path rules only."""
        return ambiguity(self.path)

    def is_under(self, prefixes: Sequence[PathPrefix]) -> bool:
        """Whether the path, read as it stands, is one of the prefixes or lies below one."""
        return any(prefix.covers(self.path) for prefix in prefixes)


def ambiguity(path: str) -> str | None:
    """Why some server could read this path as another one, in a few words."""
    if _PLAIN_PATH.fullmatch(path):
        return None
    if "\\" in path:
        return "it has a backslash"
    if _BAD_PERCENT.search(path):
        return "it has a % that starts no escape"
    try:
        return next(filter(None, map(_flaw, _readings(path))), None)
    except TargetError as error:
        return str(error)


def parameters(query: str) -> list[tuple[str, tuple[str, ...]]]:
    """Each parameter's name and all readings of its value, in order. Raises TargetError if ambiguous."""
    if ";" in query:
        raise TargetError("it has a semicolon, which some servers take for a separator")
    if _BAD_PERCENT.search(query):
        raise TargetError("it has a % that starts no escape")
    found = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        readings = tuple(_value_readings(value))
        found.append((_decoded(name.replace("+", " ")), readings))
    if any(_CONTROL.search(text) for name, values in found for text in (name, *values)):
        raise TargetError("it has an encoded control character")
    return found


def _value_readings(value: str) -> list[str]:
    """A value decoded once and more, with plus signs as they stand and as spaces."""
    spellings = {value, value.replace("+", " ")}
    return [reading for spelling in spellings for reading in _levels(spelling)[1:] or [spelling]]


def _readings(path: str) -> list[str]:
    """The path as it stands, decoded again and again, and with its letters folded to ASCII as servers may."""
    readings = _levels(path)
    for reading in list(readings):
        if not reading.isascii():
            readings += _levels(unicodedata.normalize("NFKC", reading.translate(_LOOKALIKES)))
            readings.append(_CONTROL.sub("x", "".join(chr(ord(letter) & 0xFF) for letter in reading)))
    return readings


def _flaw(reading: str) -> str | None:
    if _CONTROL.search(reading):
        return "it has an encoded control character"
    if _DOT_SEGMENT.search(reading):
        return "it has a dot segment, perhaps encoded"
    if _IIS_ESCAPE.search(reading):
        return "it has a %uXXXX escape"
    return None


def _levels(text: str) -> list[str]:
    """The text and each further decoding, until nothing changes. Raises TargetError past MAX_DECODINGS."""
    levels = [text]
    while _TRIPLET.search(levels[-1]):
        if len(levels) > MAX_DECODINGS:
            raise TargetError("it is encoded more than three times over")
        levels.append(_decoded(levels[-1]))
    return levels


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise TargetError("it has bytes that are not UTF-8, perhaps overlong") from None


def _encode(match: re.Match[str]) -> str:
    try:
        return quote(match[0])
    except UnicodeEncodeError:
        raise TargetError("a path prefix has a letter that is no character") from None


def _upper_triplets(path: str) -> str:
    return _TRIPLET.sub(lambda match: match[0].upper(), path) if "%" in path else path
