"""The Anthropic Messages API as far as the real Claude Code CLI needs it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from support.api_server import ApiHandler, new_id
from support.scripts import Fail, Progress, RunShell, Say, Turn, UseTool, words

_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
_SIDE_ANSWER = Say('{"title": "mock session"}')  # to requests without tools: titles, probes


class AnthropicHandler(ApiHandler):
    def progress(self, path: str, body: Any) -> Progress | None:
        return conversation(body.get("messages", [])) if path == "/v1/messages" else None

    def answer(self, path: str, body: Any) -> None:
        if path == "/v1/messages":
            self._message(body)
        elif path == "/v1/messages/count_tokens":
            self.send_json(200, {"input_tokens": 10})
        else:
            self.send_failure(404, "not_found_error", f"mock has no {path}")

    def _message(self, request: dict[str, Any]) -> None:
        offered = [tool.get("name", "") for tool in request.get("tools") or []]
        turn = self.server.script.due(conversation(request["messages"])) if offered else _SIDE_ANSWER
        if isinstance(turn, Fail):
            self.send_failure(turn.status, turn.kind, turn.message)
            return
        block = content_block(turn, offered)
        message = {
            "id": new_id("msg"),
            "type": "message",
            "role": "assistant",
            "model": request.get("model", "mock"),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 1},
        }
        if request.get("stream"):
            self.stream(events(message, block))
        else:
            self.send_json(200, {**message, "content": [block], "stop_reason": stop_reason(block)})


def conversation(messages: list[dict[str, Any]]) -> Progress:
    """Newer CLIs also put notes of the role "system" between the messages; they are no prompts."""
    turn, result = 0, ""
    for message in reversed(messages):
        if message.get("role") != "user":
            continue
        content = message.get("content")
        results = [block for block in _blocks(content) if block.get("type") == "tool_result"]
        if results:
            turn += 1
            result = result or _text(results)
        elif prompt := _REMINDER.sub("", _text(content)).strip():
            return Progress(turn=turn, prompt=prompt, result=result)
    return Progress(turn=turn, result=result)


def content_block(turn: Turn, offered: list[str]) -> dict[str, Any]:
    if isinstance(turn, Say):
        return {"type": "text", "text": turn.text}
    if isinstance(turn, RunShell):
        return _tool_use("Bash", {"command": turn.command, "description": "Run it"}, offered)
    assert isinstance(turn, UseTool)
    return _tool_use(turn.name, turn.arguments, offered)


def stop_reason(block: dict[str, Any]) -> str:
    return "tool_use" if block["type"] == "tool_use" else "end_turn"


def events(message: dict[str, Any], block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The stream of one message, in the order of the real API."""
    yield {"type": "message_start", "message": message}
    if block["type"] == "text":
        start: dict[str, Any] = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in words(block["text"])]
    else:
        start = {**block, "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
    yield {"type": "content_block_start", "index": 0, "content_block": start}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    end = {"stop_reason": stop_reason(block), "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": 20}}
    yield {"type": "message_stop"}


def _tool_use(name: str, arguments: dict[str, object], offered: list[str]) -> dict[str, Any]:
    """In the spelling on offer: other agents call the same tool "bash"."""
    spelling = next((tool for tool in offered if tool.lower() == name.lower()), name)
    return {"type": "tool_use", "id": new_id("toolu"), "name": spelling, "input": arguments}


def _blocks(content: Any) -> list[dict[str, Any]]:
    return content if isinstance(content, list) else []


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(filter(None, map(_block_text, _blocks(content))))


def _block_text(block: dict[str, Any]) -> str:
    return _text(block.get("content")) if block.get("type") == "tool_result" else block.get("text", "")
