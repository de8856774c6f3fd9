"""What a call of an LLM API used, read from the API's own answer as it streams past.

Anthropic Messages, OpenAI Responses and OpenAI Chat Completions, as one JSON document or as server-sent
events; Responses also as the messages of a WebSocket. Nothing is kept but counts and two names.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property

from attrs import frozen

from bottle_sidecar.policy.leaves import Leaves, Path, Scalar

_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|\Z)")
_DATA = b"data:"
_LONGEST_NAME = 100  # characters of a model's name or a call's id


class Api(StrEnum):
    """The shapes of answer that are understood."""

    MESSAGES = "messages"
    RESPONSES = "responses"
    CHAT = "chat"


@frozen(kw_only=True)
class Usage:
    """What one call used. The four kinds of token exclude each other.

    `cache_write_long_tokens` are those of `cache_write_tokens` that are kept for an hour or more, at a
    price of their own. `tier`: a processing tier or speed that has a price of its own.
    """

    model: str = ""
    call: str = ""
    tier: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_long_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.output_tokens


@frozen(kw_only=True)
class _Shape:
    """Where an API's answer says what. `envelope`: the object around it in some events.

    `ends`: the events after which nothing more is used. `inclusive`: the input counts the cache's, too.
    """

    envelope: str | None
    places: Mapping[Path, str]
    ends: frozenset[str]
    inclusive: bool

    @cached_property
    def wanted(self) -> Mapping[Path, str]:
        envelope = () if self.envelope is None else (self.envelope,)
        inside = {(*envelope, *path): name for path, name in self.places.items()}
        return {**self.places, **inside, ("type",): "type"}


def _openai(given: str, made: str) -> Mapping[Path, str]:
    details = f"{given}_details"
    return {
        ("id",): "call",
        ("model",): "model",
        ("service_tier",): "tier",
        ("background",): "background",
        ("usage", given): "input_tokens",
        ("usage", made): "output_tokens",
        ("usage", details, "cached_tokens"): "cache_read_tokens",
        ("usage", details, "cache_write_tokens"): "cache_write_tokens",
    }


_SHAPES: Mapping[Api, _Shape] = {
    Api.MESSAGES: _Shape(
        envelope="message",
        places={
            ("id",): "call",
            ("model",): "model",
            ("usage", "speed"): "tier",
            ("usage", "input_tokens"): "input_tokens",
            ("usage", "output_tokens"): "output_tokens",
            ("usage", "cache_read_input_tokens"): "cache_read_tokens",
            ("usage", "cache_creation_input_tokens"): "cache_write_tokens",
            ("usage", "cache_creation", "ephemeral_1h_input_tokens"): "cache_write_long_tokens",
        },
        ends=frozenset({"message_stop", "error"}),
        inclusive=False,
    ),
    Api.RESPONSES: _Shape(
        envelope="response",
        places=_openai("input_tokens", "output_tokens"),
        ends=frozenset({"response.completed", "response.incomplete", "response.failed", "error"}),
        inclusive=True,
    ),
    Api.CHAT: _Shape(
        envelope=None, places=_openai("prompt_tokens", "completion_tokens"), ends=frozenset(), inclusive=True
    ),
}


class UsageReader:
    """Reads one call's answer. Counts never shrink: later events repeat the earlier ones' and add.

    `complete`: the answer has told all that the call used. `background`: the call goes on without its answer.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._shape = _SHAPES[api]
        self._counts: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._leaves = Leaves(self._shape.wanted)
        self._events: _EventStream | None = None
        self._begun = False
        self.complete = False
        self.background = False

    def feed(self, data: bytes) -> None:
        """Bytes of an HTTP answer's body, decoded."""
        if not self._begun:
            data = data.lstrip()
            if not data:
                return
            self._begun = True
            self._events = None if data[:1] == b"{" else _EventStream()
        if self._events is None:
            self._take(data)
            return
        for piece in self._events.feed(data):
            if piece is None:
                self._leaves = Leaves(self._shape.wanted)
            else:
                self._take(piece)

    def message(self, content: bytes) -> None:
        """One whole event, as a WebSocket brings it."""
        self._begun, self._events = True, _EventStream()
        self._leaves = Leaves(self._shape.wanted)
        self._take(content)

    @property
    def usage(self) -> Usage:
        names, counts = self._names.get, self._counts.get
        read, written = counts("cache_read_tokens", 0), counts("cache_write_tokens", 0)
        cached = read + written if self._shape.inclusive else 0
        return Usage(
            model=names("model", ""),
            call=names("call", ""),
            tier=names("tier", ""),
            input_tokens=max(0, counts("input_tokens", 0) - cached),
            output_tokens=counts("output_tokens", 0),
            cache_read_tokens=read,
            cache_write_tokens=written,
            cache_write_long_tokens=min(written, counts("cache_write_long_tokens", 0)),
        )

    def _take(self, data: bytes) -> None:
        for path, value in self._leaves.feed(data):
            self._note(self._shape.wanted[path], value)

    def _note(self, name: str, value: Scalar) -> None:
        if name == "type":
            self.complete = self.complete or value in self._shape.ends
        elif name == "background":
            self.background = self.background or value is True
        elif isinstance(value, str):
            if name in ("call", "model", "tier") and value:
                self._names[name] = value[:_LONGEST_NAME]
        elif not isinstance(value, bool) and name.endswith("_tokens"):
            self._counts[name] = max(self._counts.get(name, 0), value)
            whole = self._events is None or self._api is Api.CHAT
            self.complete = self.complete or (whole and name == "output_tokens")


class _EventStream:
    """Takes server-sent events apart."""

    def __init__(self) -> None:
        self._start = b""
        self._is_data: bool | None = None
        self._after_return = False

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """Pieces of the events' data; None after the last piece of each."""
        for line in _LINE.finditer(data):
            text, end = line.groups()
            rest_of_return = self._after_return and (text, end, line.start()) == (b"", b"\n", 0)
            if (text or end) and not rest_of_return:
                yield from self._piece(text, ended=bool(end))
            if data:
                self._after_return = end == b"\r" and line.end() == len(data)

    def _piece(self, text: bytes, *, ended: bool) -> Iterator[bytes | None]:
        if self._is_data is None:
            self._start += text
            if len(self._start) < len(_DATA) and not ended:
                return
            text, self._start = self._start, b""
            if ended and not text:
                yield None
                return
            self._is_data = text.startswith(_DATA)
            text = text[len(_DATA) :]
        if self._is_data and text:
            yield text
        if ended:
            self._is_data = None
