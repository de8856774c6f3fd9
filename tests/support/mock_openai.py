"""The OpenAI Responses API as far as the real Codex CLI needs it, by POST and by WebSocket."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from support.api_server import ApiHandler, new_id
from support.scripts import Fail, Progress, RunCode, RunShell, Say, Turn, UseTool, words
from support.websocket import WebSocket, accept_key

_CONTEXT = re.compile(r"<[a-z_]+>|# AGENTS\.md")  # user messages that the CLI itself writes
_SIDE_PROMPT = "Generate a concise"  # the CLI names a session of its own accord
Item = dict[str, Any]


class OpenaiHandler(ApiHandler):
    """Over a WebSocket the client sends only what is new, so the server remembers what went before."""

    def progress(self, path: str, body: Any) -> Progress | None:
        if self.command != "POST" or not path.endswith("/responses"):
            return None
        return conversation(self._items(body))

    def answer(self, path: str, body: Any) -> None:
        if path.endswith("/responses") and "Upgrade" in self.headers:
            self._websocket()
        elif path.endswith("/responses"):
            self._respond(body)
        elif path.endswith("/wham/accounts/check"):
            self.send_json(200, {"accounts": [_account(self.headers.get("chatgpt-account-id", ""))]})
        elif path.endswith("/models"):  # no entries: the CLI keeps the list that it ships with
            self.send_json(200, {"object": "list", "data": [], "models": []})
        else:
            self.send_failure(404, "not_found", f"mock has no {path}")

    def _respond(self, request: Item) -> None:
        items = self._items(request)
        turn = self._due(conversation(items))
        if isinstance(turn, Fail):
            self.send_failure(turn.status, turn.kind, turn.message)
        else:
            self.stream(self._stream(request, items, turn))

    def _websocket(self) -> None:
        self.close_connection = True
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept_key(self.headers["Sec-WebSocket-Key"]))
        self.end_headers()
        connection = WebSocket(self.rfile, self.wfile)
        while (message := connection.receive()) is not None:
            request = json.loads(message)
            items = self._items(request)
            warm_up = request.get("generate") is False
            self.record("MESSAGE", request, None if warm_up else conversation(items))
            turn = None if warm_up else self._due(conversation(items))
            for event in self.paced(self._stream(request, items, turn)):
                connection.send(json.dumps(event).encode())

    def _due(self, progress: Progress) -> Turn:
        is_side = progress.prompt.startswith(_SIDE_PROMPT)
        return Say("mock session") if is_side else self.server.script.due(progress)

    def _stream(self, request: Item, items: list[Item], turn: Turn | None) -> Iterator[Item]:
        """One response; without a turn an empty one, which only sets the conversation up."""
        if isinstance(turn, Fail):
            error = {"type": turn.kind, "code": turn.kind, "message": turn.message}
            yield {"type": "error", "status": turn.status, "error": error}
            return
        response = {
            "id": new_id("resp"),
            "object": "response",
            "created_at": int(time.time()),
            "model": request.get("model", "mock"),
            "output": [],
        }
        item = None if turn is None else reply(turn, _tool_names(request, items))
        self.server.memory[str(response["id"])] = items + ([item] if item else [])
        yield from events(response, item)

    def _items(self, request: Item) -> list[Item]:
        """All of the conversation, in the order it was held."""
        given = request.get("input") or []
        if isinstance(given, str):
            given = [{"type": "message", "role": "user", "content": given}]
        return self.server.memory.get(request.get("previous_response_id") or "", []) + given


def conversation(items: list[Item]) -> Progress:
    turn, result = 0, ""
    for item in reversed(items):
        kind = item.get("type", "message")
        if kind.endswith("_call_output"):
            turn += 1
            result = result or _text(item.get("output"))
        elif kind == "message" and item.get("role") == "user":
            prompt = _text(item.get("content")).strip()
            if prompt and not _CONTEXT.match(prompt):
                return Progress(turn=turn, prompt=prompt, result=result)
    return Progress(turn=turn, result=result)


def reply(turn: Turn, offered: list[str]) -> Item:
    if isinstance(turn, Say):
        content = [{"type": "output_text", "text": turn.text, "annotations": []}]
        head = {"type": "message", "id": new_id("msg"), "role": "assistant"}
        return {**head, "status": "completed", "content": content}
    if isinstance(turn, UseTool):
        return _function_call(turn.name, turn.arguments)
    if isinstance(turn, RunCode):
        identity = {"id": new_id("ctc"), "call_id": new_id("call"), "status": "completed"}
        return {"type": "custom_tool_call", **identity, "name": "exec", "input": turn.code}
    assert isinstance(turn, RunShell)
    if "shell_command" in offered:
        return _function_call("shell_command", {"command": turn.command})
    return _function_call("exec_command", {"cmd": turn.command})  # taken in code mode, too


def events(response: Item, item: Item | None) -> Iterator[Item]:
    """The stream of one response, in the order of the real API."""
    yield {"type": "response.created", "response": {**response, "status": "in_progress"}}
    if item:
        yield from _item_events(item)
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 30,
    }
    output = [item] if item else []
    done = {**response, "status": "completed", "output": output, "usage": usage}
    yield {"type": "response.completed", "response": done}


def _item_events(item: Item) -> Iterator[Item]:
    is_message = item["type"] == "message"
    start = {**item, "status": "in_progress", "content": []} if is_message else item
    yield {"type": "response.output_item.added", "output_index": 0, "item": start}
    for piece in words(item["content"][0]["text"]) if is_message else ():
        place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        yield {"type": "response.output_text.delta", **place, "delta": piece}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}


def _function_call(name: str, arguments: dict[str, object]) -> Item:
    identity = {"id": new_id("fc"), "call_id": new_id("call"), "status": "completed"}
    return {"type": "function_call", **identity, "name": name, "arguments": json.dumps(arguments)}


def _account(identity: str) -> Item:
    """The workspace that the client asks for, served where all are."""
    anywhere = dict.fromkeys(("workspace_backend_origin", "account_routing_override"), "NO_CONSTRAINT")
    return {"id": identity, **anywhere}


def _tool_names(request: Item, items: list[Item]) -> list[str]:
    """What the client offers, also where it sends its tools as input."""
    added = [tool for item in items if item.get("type") == "additional_tools" for tool in item["tools"]]
    return [tool.get("name") or tool.get("type") for tool in [*(request.get("tools") or []), *added]]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or [] if isinstance(part, dict))
