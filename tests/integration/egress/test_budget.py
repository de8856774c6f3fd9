"""Usage and budget through the real proxy: what is counted, what is refused, and the ways around it."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import wsproto
import zstandard
from wsproto.events import AcceptConnection, Request, TextMessage

from bottle_sidecar.control.protocol import Decide, Notice
from bottle_sidecar.policy.budget import MAX_CALLS, Budget, Spent
from bottle_sidecar.policy.document import Auth, AuthScheme, Route
from support.agent_apis import ANTHROPIC_HOST, OPENAI_HOST, AgentApis, agent_apis
from support.egress import Begin, MakeRoute, Serve
from support.http2_client import Http2Client
from support.scripts import Fail, Say, Script
from support.sidecar import Reply, Sidecar, read_head
from support.upstreams import WAIT, Answer, Seen

TOKEN = "sk-real-0123456789abcdef"
AUTH = Auth(scheme=AuthScheme.BEARER, token_ref="T")
TOOLS = [{"name": "bash"}]
CLAUDE = "claude-opus-4-6"
CLAUDE_COST = 10 * 5 + 20 * 25  # micro-dollars of one streamed answer of the mock
GPT = "gpt-6.1-sol"
GPT_COST = 10 * 2 + 20 * 10
CALL = (
    (":method", "POST"),
    (":scheme", "https"),
    (":authority", ANTHROPIC_HOST),
    (":path", "/v1/messages"),
)
SCRIPT = Script(
    turns=(Say("one two three"),),
    scenarios=(("fail", (Fail(status=529, kind="overloaded_error", message="busy"),)),),
)


@pytest.fixture(scope="module")
def apis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentApis]:
    with agent_apis(tmp_path_factory.mktemp("apis"), required_token=TOKEN, script=SCRIPT) as served:
        for server in (served.anthropic, served.openai):
            server.recording.requests.clear()
        yield served


@pytest.fixture
def begin(apis: AgentApis, start: Begin) -> Begin:
    """A sidecar in front of both APIs."""

    def make(*, spent: Spent | None = None, **budget: int) -> Sidecar:
        routes = [apis.redirected(Route(host=host, auth=AUTH)) for host in (ANTHROPIC_HOST, OPENAI_HOST)]
        for server in (apis.anthropic, apis.openai):
            server.recording.requests.clear()
        return start(*routes, tokens={"T": TOKEN}, budget=Budget(**budget), spent=spent or Spent())

    return make


def claude(
    sidecar: Sidecar, prompt: str = "hi", *, path: str = "/v1/messages?beta=true", **keys: Any
) -> Reply:
    body = {
        "model": CLAUDE,
        "stream": True,
        "tools": TOOLS,
        "messages": [{"role": "user", "content": prompt}],
    }
    return sidecar.request(ANTHROPIC_HOST, path, method="POST", body=json.dumps({**body, **keys}).encode())


def codex(sidecar: Sidecar, **keys: Any) -> Reply:
    body = {"model": GPT, "stream": True, "input": "hi", **keys}
    return sidecar.request(OPENAI_HOST, "/v1/responses", method="POST", body=json.dumps(body).encode())


def lines(sidecar: Sidecar, event: str, count: int = 1) -> list[dict[str, Any]]:
    """The log's lines of a kind, once there are `count`."""
    deadline = time.monotonic() + WAIT
    while len(found := [line for line in sidecar.events if line["event"] == event]) < count:
        assert time.monotonic() < deadline, f"{count} lines '{event}' in {sidecar.events}"
        time.sleep(0.01)
    return found


def decided(sidecar: Sidecar, level: str) -> None:
    """Waits until the answer has reached the account."""
    deadline = time.monotonic() + WAIT
    while level not in [line["level"] for line in lines(sidecar, "budget")]:
        assert time.monotonic() < deadline, level
        time.sleep(0.01)


def counts(line: dict[str, Any]) -> tuple[object, ...]:
    return (line.get("model"), line["input_tokens"], line["output_tokens"], line["usd_micro"], line["basis"])


def test_each_form_of_answer_is_counted_as_the_api_told(begin: Begin) -> None:
    sidecar = begin()
    assert claude(sidecar).status == 200
    assert claude(sidecar, stream=False, model="claude-next-9").status == 200
    assert codex(sidecar).status == 200
    first, second, third = lines(sidecar, "usage", 3)

    assert counts(first) == (CLAUDE, 10, 20, CLAUDE_COST, "told")
    assert (first["host"], first["api"], first["price"]) == (ANTHROPIC_HOST, "messages", "list")
    assert first["call"].startswith("msg_")
    assert counts(second) == ("claude-next-9", 10, 1, 10 * 25 + 125, "told")
    assert second["price"] == "dearest"
    assert counts(third) == (GPT, 10, 20, GPT_COST, "told")


@pytest.mark.parametrize(
    ("budget", "calls"), [({"requests": 2}, 2), ({"tokens": 60}, 2), ({"usd_micro": CLAUDE_COST * 3 - 1}, 3)]
)
def test_the_call_after_the_limit_does_not_leave(
    begin: Begin, apis: AgentApis, budget: dict[str, int], calls: int
) -> None:
    sidecar = begin(**budget)
    statuses = [claude(sidecar).status for _ in range(calls)]
    refused = claude(sidecar)
    (limit,) = (name.removesuffix("_micro") for name in budget)

    assert statuses == [200] * calls
    assert (refused.status, refused.rule) == (400, "budget.spent")
    message = refused.document["error"]["message"]
    assert f"(budget.{limit})" in message
    assert "The operator is asked for as much again" in message
    assert codex(sidecar).rule == "budget.spent"
    assert len(apis.anthropic.recording.requests) == calls
    assert apis.openai.recording.requests == []


def test_a_notice_at_80_percent_and_when_the_limit_is_reached(begin: Begin) -> None:
    sidecar = begin(requests=5)
    for _ in range(5):
        claude(sidecar)
    notices = [
        (line["level"], line["limit"], line["spent"], line["most"]) for line in lines(sidecar, "budget", 2)
    ]

    assert notices == [("notice", "requests", 4, 5), ("reached", "requests", 5, 5)]
    told = sidecar.questions.get(timeout=WAIT)
    assert told == Notice(text="the budget comes to its end: 4 of 5 requests (budget.requests)")
    assert sidecar.questions.empty()


def test_the_operator_is_asked_once_and_a_yes_grants_as_much_again(begin: Begin) -> None:
    sidecar = begin(requests=2)
    statuses = [claude(sidecar).status for _ in range(4)]
    first = sidecar.asked()
    assert sidecar.questions.empty()
    sidecar.tell(Decide(key=first.key, approved=True))
    decided(sidecar, "raised")
    statuses += [claude(sidecar).status for _ in range(3)]
    second = sidecar.asked()
    sidecar.tell(Decide(key=second.key, approved=False, reason="enough"))
    decided(sidecar, "declined")
    statuses.append(claude(sidecar).status)

    assert statuses == [200, 200, 400, 400, 200, 200, 400, 400]
    assert first.title == "the budget is spent: 2 of 2 requests (budget.requests)"
    assert "as much again as the manifest does: 2 requests" in first.text
    assert second.title == "the budget is spent: 4 of 4 requests (budget.requests)"


@pytest.mark.parametrize("limit", ["requests", "tokens", "usd_micro"])
def test_what_was_spent_before_counts(begin: Begin, limit: str) -> None:
    spent = Spent(usd_micro=1_000_000, tokens=1_000_000, requests=1_000_000)

    assert claude(begin(spent=spent, **{limit: 1_000_000})).rule == "budget.spent"
    assert claude(begin(spent=spent, **{limit: 1_000_001})).status == 200


@pytest.mark.parametrize(
    "path", ["/v1/messages/", "//v1/messages", "/v1/%6dessages", "/v1/messages/batches", "/v1/complete"]
)
def test_no_other_path_of_a_maker_is_a_way_around(begin: Begin, apis: AgentApis, path: str) -> None:
    sidecar = begin(usd_micro=1_000_000)

    assert claude(sidecar, path=path).rule == "budget.uncounted"
    assert apis.anthropic.recording.requests == []
    assert sidecar.request(ANTHROPIC_HOST, "/v1/models").status == 404  # the mock's own answer
    assert claude(sidecar, path="/v1/messages/count_tokens").status == 200


def test_without_a_budget_nothing_is_refused(begin: Begin) -> None:
    assert claude(begin(), path="/v1/messages/batches").status == 404  # the mock's own answer


def test_what_the_api_refuses_costs_nothing_but_counts_as_a_request(begin: Begin) -> None:
    sidecar = begin(requests=1)
    assert claude(sidecar, "fail").status == 529
    (line,) = lines(sidecar, "usage")

    assert counts(line) == (None, 0, 0, 0, "told")
    assert claude(sidecar).rule == "budget.spent"


def test_an_answer_that_the_agent_breaks_off_costs_what_was_told_and_its_time(
    start: Begin, serve: Serve, to: MakeRoute
) -> None:
    upstream = serve(ANTHROPIC_HOST, handler=_begins_and_waits, protocols=("http/1.1",))
    sidecar = start(to(ANTHROPIC_HOST, upstream), budget=Budget(tokens=300))
    with sidecar.secure(ANTHROPIC_HOST) as connection:
        connection.sendall(
            b"POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Length: 2\r\n\r\n{}"
        )
        read_head(connection)
        while b"message_start" not in connection.recv(4096):
            continue
        time.sleep(0.1)
    (line,) = lines(sidecar, "usage")

    assert line["model"] == CLAUDE
    assert (line["input_tokens"], line["cache_read_tokens"], line["basis"]) == (100, 200, "estimated")
    assert line["output_tokens"] >= 20  # 0.1 s
    assert claude(sidecar).rule == "budget.spent"


async def _begins_and_waits(seen: Seen) -> Answer:
    usage = {"input_tokens": 100, "cache_read_input_tokens": 200, "output_tokens": 1}
    event = {"type": "message_start", "message": {"model": CLAUDE, "usage": usage}}

    async def body() -> AsyncIterator[bytes]:
        yield f"event: message_start\ndata: {json.dumps(event)}\n\n".encode()
        await asyncio.Event().wait()

    return Answer(headers=[("content-type", "text/event-stream")], body=body())


def test_a_call_that_is_left_before_its_answer_costs_what_was_sent(
    start: Begin, serve: Serve, to: MakeRoute
) -> None:
    upstream = serve(ANTHROPIC_HOST, handler=_never, protocols=("http/1.1",))
    sidecar = start(to(ANTHROPIC_HOST, upstream), budget=Budget(tokens=10**9))
    for coding, body in (("", b"x" * 4000), ("Content-Encoding: zstd\r\n", zstandard.compress(bytes(4000)))):
        with sidecar.secure(ANTHROPIC_HOST) as connection:
            head = f"{coding}Content-Length: {len(body)}\r\n"
            request = f"POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\n{head}\r\n".encode()
            connection.sendall(request + body)
            deadline = time.monotonic() + WAIT
            while not upstream.requests and time.monotonic() < deadline:
                time.sleep(0.01)
        upstream.requests.clear()
    plain, packed = lines(sidecar, "usage", 2)

    assert (plain["input_tokens"], plain["basis"], plain["price"]) == (1000, "estimated", "dearest")
    assert packed["input_tokens"] == 1_000_000


async def _never(seen: Seen) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


def test_calls_at_once_are_bounded_and_each_counts_from_its_start(
    start: Begin, serve: Serve, to: MakeRoute
) -> None:
    upstream = serve(ANTHROPIC_HOST, handler=_begins_and_waits)
    sidecar = start(to(ANTHROPIC_HOST, upstream), budget=Budget(tokens=10**9))
    with sidecar.secure(ANTHROPIC_HOST, alpn=["h2"]) as connection:
        client = Http2Client(connection)
        for _ in range(MAX_CALLS):
            client.begin(CALL)
        refused = client.finish(client.begin(CALL))
        while not all(stream.body for stream in client.streams.values()):
            assert client.receive()

        assert refused.headers[":status"] == "429"
        assert json.loads(refused.body)["rule"] == "budget.crowd"
        assert len(upstream.requests) == MAX_CALLS
        client.connection.reset_stream(1)
        client.flush()
        (reset,) = lines(sidecar, "usage")
        assert reset["basis"] == "estimated"
        assert (
            client.finish(client.begin([*CALL[:3], (":path", "/v1/messages/x")])).headers[":status"] == "403"
        )
    assert len(lines(sidecar, "usage", MAX_CALLS)) == MAX_CALLS


def test_requests_at_once_do_not_pass_their_limit(start: Begin, serve: Serve, to: MakeRoute) -> None:
    upstream = serve(ANTHROPIC_HOST, handler=_begins_and_waits)
    sidecar = start(to(ANTHROPIC_HOST, upstream), budget=Budget(requests=3))
    with sidecar.secure(ANTHROPIC_HOST, alpn=["h2"]) as connection:
        client = Http2Client(connection)
        for _ in range(6):
            client.begin(CALL)
        while not all(stream.body for stream in client.streams.values()):
            assert client.receive()
        answers = sorted(stream.headers[":status"] for stream in client.streams.values())

    assert answers == ["200"] * 3 + ["400"] * 3
    assert len(upstream.requests) == 3


def test_a_compressed_answer_is_counted_and_passed_on_as_it_is(
    start: Begin, serve: Serve, to: MakeRoute
) -> None:
    document = {"type": "message", "model": CLAUDE, "usage": {"input_tokens": 10, "output_tokens": 20}}
    packed = gzip.compress(json.dumps(document).encode())

    async def handler(seen: Seen) -> Answer:
        assert seen.values("accept-encoding") == ["identity"]
        return Answer(headers=[("content-encoding", "gzip")], body=packed)

    sidecar = start(to(ANTHROPIC_HOST, serve(ANTHROPIC_HOST, handler=handler)))
    assert claude(sidecar).body == packed
    assert counts(lines(sidecar, "usage")[0]) == (CLAUDE, 10, 20, CLAUDE_COST, "told")


def test_an_answer_that_cannot_be_read_is_estimated(start: Begin, serve: Serve, to: MakeRoute) -> None:
    async def handler(seen: Seen) -> Answer:
        return Answer(headers=[("content-encoding", "rot13")], body=b"hfntr")

    sidecar = start(to(ANTHROPIC_HOST, serve(ANTHROPIC_HOST, handler=handler)))
    assert claude(sidecar).body == b"hfntr"
    assert lines(sidecar, "usage")[0]["basis"] == "estimated"


def test_an_upstream_that_is_not_there_costs_nothing(start: Begin) -> None:
    sidecar = start(Route(host=ANTHROPIC_HOST, address="127.0.0.1:1"), budget=Budget(tokens=1))
    assert claude(sidecar).status == 502
    assert counts(lines(sidecar, "usage")[0]) == (None, 0, 0, 0, "told")


class WebSocketClient:
    """A client of the Responses API over a WebSocket."""

    def __init__(self, connection: Any) -> None:
        self._socket = connection
        self._ws = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self._socket.sendall(self._ws.send(Request(host=OPENAI_HOST, target="/v1/responses")))
        assert isinstance(self._next(), AcceptConnection)

    def create(self, **keys: Any) -> list[dict[str, Any]]:
        """The events that answer a message, to the last."""
        self.send(**keys)
        return self.answer()

    def send(self, **keys: Any) -> None:
        message = {"type": "response.create", "model": GPT, "input": "hi", **keys}
        self._socket.sendall(self._ws.send(TextMessage(data=json.dumps(message))))

    def answer(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        while not events or events[-1]["type"] not in ("response.completed", "error"):
            events.append(json.loads("".join(self._texts())))
        return events

    def _texts(self) -> Iterator[str]:
        """The pieces of one message."""
        finished = False
        while not finished:
            event = self._next()
            assert isinstance(event, TextMessage), event
            yield event.data
            finished = event.message_finished

    def _next(self) -> wsproto.events.Event:
        while True:
            for event in self._ws.events():
                return event
            self._ws.receive_data(self._socket.recv(65536) or None)


def test_messages_of_a_websocket_are_calls(begin: Begin, apis: AgentApis) -> None:
    sidecar = begin(requests=2)
    with sidecar.secure(OPENAI_HOST) as connection:
        client = WebSocketClient(connection)
        assert client.create()[-1]["type"] == "response.completed"
        assert client.create(generate=False)[-1]["type"] == "response.completed"
        (refused,) = client.create()
        (again,) = client.create(type="response.other")

    assert (refused["type"], refused["rule"], again["rule"]) == ("error", "budget.spent", "budget.spent")
    assert "budget.requests" in refused["error"]["message"]
    assert [request.method for request in apis.openai.recording.requests] == ["GET", "MESSAGE", "MESSAGE"]
    assert [counts(line) for line in lines(sidecar, "usage", 2)] == [(GPT, 10, 20, GPT_COST, "told")] * 2
    refusals = [line for line in sidecar.events if line["event"] == "refused"]
    assert {line["rule"] for line in refusals} == {"budget.spent"}


def test_messages_that_do_not_wait_for_their_answers_are_calls_each(begin: Begin, apis: AgentApis) -> None:
    sidecar = begin(requests=2)
    with sidecar.secure(OPENAI_HOST) as connection:
        client = WebSocketClient(connection)
        for _ in range(4):
            client.send()
        ends = sorted(client.answer()[-1]["type"] for _ in range(4))

    assert ends == ["error", "error", "response.completed", "response.completed"]
    assert [request.method for request in apis.openai.recording.requests] == ["GET", "MESSAGE", "MESSAGE"]
    assert [line["basis"] for line in lines(sidecar, "usage", 2)] == ["told", "told"]


def test_a_websocket_past_the_limit_carries_nothing_but_the_reason(begin: Begin, apis: AgentApis) -> None:
    sidecar = begin(requests=1)
    codex(sidecar)
    with sidecar.secure(OPENAI_HOST) as connection:
        (refused,) = WebSocketClient(connection).create()

    assert (refused["status"], refused["rule"]) == (400, "budget.spent")
    assert [request.method for request in apis.openai.recording.requests] == ["POST", "GET"]


def test_no_other_websocket_of_a_maker_is_a_way_around(begin: Begin) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers = {**upgrade, "Sec-WebSocket-Key": "A" * 24}

    assert begin(requests=9).request(OPENAI_HOST, "/v1/realtime", headers=headers).rule == "budget.uncounted"


def test_a_websocket_that_is_left_costs_its_open_call(start: Begin, serve: Serve, to: MakeRoute) -> None:
    sidecar = start(to(OPENAI_HOST, serve(OPENAI_HOST, raw=_accepts_and_waits)), budget=Budget(tokens=10**9))
    with sidecar.secure(OPENAI_HOST) as connection:
        client = WebSocketClient(connection)
        connection.sendall(client._ws.send(TextMessage(data="x" * 4000)))
        event = client._next()
        assert isinstance(event, TextMessage)
    (line,) = lines(sidecar, "usage")

    assert (line["model"], line["input_tokens"], line["basis"]) == (GPT, 1000, "estimated")


async def _accepts_and_waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    while data := await reader.read(65536):
        connection.receive_data(data)
        for event in connection.events():
            if isinstance(event, Request):
                writer.write(connection.send(AcceptConnection()))
            elif isinstance(event, TextMessage) and event.message_finished:
                created = {"type": "response.created", "response": {"model": GPT, "usage": None}}
                writer.write(connection.send(TextMessage(data=json.dumps(created))))


def test_memory_of_a_long_answer(start: Begin, serve: Serve, to: MakeRoute) -> None:
    """One event of 60 MB: read to its end, and never held."""
    usage = {"input_tokens": 10, "output_tokens": 20}

    async def handler(seen: Seen) -> Answer:
        async def body() -> AsyncIterator[bytes]:
            yield b'data: {"type": "response.completed", "response": {"output": [{"text": "'
            for _ in range(1000):
                yield b"x" * 60_000
            yield f'"}}], "model": "{GPT}", "usage": {json.dumps(usage)}}}}}\n\n'.encode()

        return Answer(headers=[("content-type", "text/event-stream")], body=body())

    sidecar = start(to(OPENAI_HOST, serve(OPENAI_HOST, handler=handler)))
    before = _peak(sidecar)
    assert len(codex(sidecar).body) > 60_000_000
    assert counts(lines(sidecar, "usage")[0]) == (GPT, 10, 20, GPT_COST, "told")
    assert _peak(sidecar) - before < 24_000_000


def _peak(sidecar: Sidecar) -> int:
    status = Path(f"/proc/{sidecar.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
