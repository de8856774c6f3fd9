"""Counts out of the answers of LLM APIs: each API, each form, however the bytes are cut."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle_sidecar.policy.usage import Api, Usage, UsageReader

Document = dict[str, Any]
MESSAGE: Document = {
    "type": "message",
    "id": "msg_1",
    "model": "claude-opus-4-6",
    "content": [
        {"type": "text", "text": '"usage": {"input_tokens": 999999}', "usage": {"input_tokens": 888}}
    ],
    "usage": {
        "input_tokens": 10,
        "output_tokens": 20,
        "cache_read_input_tokens": 300,
        "cache_creation_input_tokens": 40,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 30},
    },
}
MESSAGE_USAGE = Usage(
    model="claude-opus-4-6",
    call="msg_1",
    input_tokens=10,
    output_tokens=20,
    cache_read_tokens=300,
    cache_write_tokens=40,
    cache_write_long_tokens=30,
)
MESSAGE_EVENTS: list[Document] = [
    {"type": "message_start", "message": {**MESSAGE, "usage": {**MESSAGE["usage"], "output_tokens": 1}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "\u20ac {}\n"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 20}},
    {"type": "message_stop"},
]
RESPONSE: Document = {
    "id": "resp_1",
    "object": "response",
    "model": "gpt-6.1-sol",
    "service_tier": "priority",
    "output": [{"type": "message", "content": [{"text": "hello", "usage": {"input_tokens": 7}}]}],
    "usage": {
        "input_tokens": 1000,
        "input_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 30},
        "total_tokens": 1050,
    },
}
RESPONSE_USAGE = Usage(
    model="gpt-6.1-sol",
    call="resp_1",
    tier="priority",
    input_tokens=300,
    output_tokens=50,
    cache_read_tokens=600,
    cache_write_tokens=100,
)
RESPONSE_EVENTS: list[Document] = [
    {"type": "response.created", "response": {**RESPONSE, "usage": None, "output": []}},
    {"type": "response.output_text.delta", "delta": "hello", "output_index": 0},
    {"type": "response.completed", "response": RESPONSE},
]
CHAT: Document = {
    "id": "chatcmpl-1",
    "model": "gpt-4.1",
    "choices": [{"message": {"content": "hi"}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
}
CHAT_USAGE = Usage(model="gpt-4.1", call="chatcmpl-1", input_tokens=5, output_tokens=3, cache_read_tokens=4)
CHAT_EVENTS: list[Document] = [
    {"id": "chatcmpl-1", "model": "gpt-4.1", "choices": [{"delta": {"content": "hi"}}], "usage": None},
    {**CHAT, "choices": []},
]


def stream(events: list[Document], end: str = "\n", *, named: bool = True) -> bytes:
    lines = []
    for event in events:
        lines += [f"event: {event.get('type')}"] * named
        lines += [f"data: {json.dumps(event, ensure_ascii=False)}", ""]
    return "".join(f"{line}{end}" for line in [": ping", "", *lines]).encode()


FORMS = {
    "messages": (Api.MESSAGES, json.dumps(MESSAGE).encode(), MESSAGE_USAGE),
    "messages, pretty": (Api.MESSAGES, json.dumps(MESSAGE, indent=2).encode(), MESSAGE_USAGE),
    "messages, streamed": (Api.MESSAGES, stream(MESSAGE_EVENTS), MESSAGE_USAGE),
    "messages, streamed, CR LF": (Api.MESSAGES, stream(MESSAGE_EVENTS, "\r\n"), MESSAGE_USAGE),
    "messages, streamed, CR": (Api.MESSAGES, stream(MESSAGE_EVENTS, "\r"), MESSAGE_USAGE),
    "responses": (Api.RESPONSES, json.dumps(RESPONSE).encode(), RESPONSE_USAGE),
    "responses, streamed": (Api.RESPONSES, stream(RESPONSE_EVENTS), RESPONSE_USAGE),
    "chat": (Api.CHAT, json.dumps(CHAT).encode(), CHAT_USAGE),
    "chat, streamed": (
        Api.CHAT,
        stream(CHAT_EVENTS, named=False) + b"data: [DONE]\n\n",
        CHAT_USAGE,
    ),
}


def read(api: Api, data: bytes, *cuts: int) -> UsageReader:
    reader = UsageReader(api)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, stop in itertools.pairwise(edges):
        reader.feed(data[start:stop])
    return reader


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_read_byte_by_byte(form: str) -> None:
    api, data, usage = FORMS[form]
    reader = read(api, data, *range(len(data)))

    assert (reader.usage, reader.complete, reader.background) == (usage, True, False)


@given(st.sampled_from(sorted(FORMS)), st.lists(st.integers(0, 10**6), max_size=8))
def test_counts_do_not_depend_on_where_the_bytes_are_cut(form: str, cuts: list[int]) -> None:
    api, data, usage = FORMS[form]
    reader = read(api, data, *cuts)

    assert (reader.usage, reader.complete) == (usage, True)


@given(st.sampled_from(Api), st.binary(max_size=300), st.integers())
def test_nothing_makes_it_raise(api: Api, data: bytes, cut: int) -> None:
    assert read(api, b"data: " + data, cut).usage == read(api, b"data: " + data).usage
    assert read(api, data, cut).usage == read(api, data).usage


@given(st.sampled_from(sorted(FORMS)), st.integers(0, 10**6), st.binary(max_size=30))
def test_a_stream_that_breaks_or_turns_to_nonsense_raises_nothing(form: str, cut: int, then: bytes) -> None:
    api, data, _ = FORMS[form]
    read(api, data[: cut % len(data)] + then + data[cut % len(data) :])


def test_what_was_told_before_the_break_stands() -> None:
    start, *_ = MESSAGE_EVENTS
    reader = read(Api.MESSAGES, stream([start]))

    assert not reader.complete
    assert (reader.usage.input_tokens, reader.usage.output_tokens) == (10, 1)


def test_messages_of_a_websocket_are_events() -> None:
    reader = UsageReader(Api.RESPONSES)
    for event in RESPONSE_EVENTS:
        assert not reader.complete
        reader.message(json.dumps(event).encode())

    assert (reader.usage, reader.complete) == (RESPONSE_USAGE, True)


@pytest.mark.parametrize("kind", ["response.incomplete", "response.failed", "error"])
def test_other_ends(kind: str) -> None:
    reader = UsageReader(Api.RESPONSES)
    reader.message(json.dumps({"type": kind, "response": RESPONSE}).encode())

    assert reader.complete


def test_a_call_in_the_background_is_not_complete() -> None:
    answer = {**RESPONSE, "background": True, "status": "queued", "usage": None}
    reader = read(Api.RESPONSES, json.dumps(answer).encode())

    assert (reader.background, reader.complete) == (True, False)


def test_counts_never_shrink_and_are_never_negative() -> None:
    events = [{"type": "message_delta", "usage": {"output_tokens": count}} for count in (50, 20, -5)]
    reader = read(Api.MESSAGES, stream(events))
    reader.feed(stream([{"type": "message_delta", "usage": {"input_tokens": -3}}]))

    assert (reader.usage.output_tokens, reader.usage.input_tokens) == (50, 0)


def test_totals() -> None:
    assert MESSAGE_USAGE.prompt_tokens == 350
    assert MESSAGE_USAGE.tokens == 370
