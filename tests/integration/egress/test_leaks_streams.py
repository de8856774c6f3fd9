"""Long bodies and WebSocket messages: nothing clean waits, and nothing that is barred arrives whole."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, TextMessage

from support.egress import Begin, MakeRoute, Serve
from support.http2_client import Http2Client
from support.sidecar import Sidecar, read_all, read_reply
from support.upstreams import Answer, Seen
from support.websocket_client import EchoServer, WebSocketClient

HOST = "api.test"
SECRET = "pA55-gK3tYw8ZuN5hJ1cEr7V"
CHUNK = os.urandom(65536)
LARGE = int(os.environ.get("LEAK_TEST_MEGABYTES", "64")) * 1024 * 1024
BOUND = 60 * 1024 * 1024  # bytes that the sidecar may grow by
CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n"


class Recorder:
    """Keeps every byte that reaches it, and gives `answer` when `until` has come."""

    def __init__(self, until: bytes, answer: bytes = b"") -> None:
        self.received = bytearray()
        self._came = asyncio.Event()
        self._closed = asyncio.Event()
        self._until = until
        self._answer = answer

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                self.received += data
                if self._until in self.received:
                    self._came.set()
                    writer.write(self._answer)
        finally:
            self._closed.set()

    async def came(self) -> None:
        await self._came.wait()

    async def closed(self) -> None:
        await self._closed.wait()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def memory(sidecar: Sidecar) -> int:
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{sidecar.process.pid}/status").read_text().splitlines()
    )
    return int(fields["VmHWM"].split()[0]) * 1024


async def count(seen: Seen) -> Answer:
    return Answer(body=str(seen.size).encode())


def test_clean_chunks_pass_before_the_next_one_comes(start: Begin, serve: Serve, to: MakeRoute) -> None:
    recorder = Recorder(until=b"first words", answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with start(to(HOST, serve(HOST, raw=recorder)), secrets=(SECRET,)).secure(HOST) as connection:
        connection.sendall(CHUNKED_HEAD + chunk(b"first words"))
        assert read_reply(connection).status == 200


@pytest.mark.parametrize("cut", [5, len(SECRET) - 1])
def test_the_beginning_of_a_secret_waits(start: Begin, serve: Serve, to: MakeRoute, cut: int) -> None:
    recorder = Recorder(until=b"clean ")
    upstream = serve(HOST, raw=recorder)
    with start(to(HOST, upstream), secrets=(SECRET,)).secure(HOST) as connection:
        connection.sendall(CHUNKED_HEAD + chunk(b"clean " + SECRET[:cut].encode()))
        upstream.call(recorder.came())
        connection.sendall(chunk(SECRET[cut:].encode()))
        assert read_reply(connection).status == 403
        upstream.call(recorder.closed())
    assert recorder.received.endswith(chunk(b"clean "))


def test_a_secret_in_single_bytes(start: Begin, serve: Serve, to: MakeRoute) -> None:
    recorder = Recorder(until=b"")
    upstream = serve(HOST, raw=recorder)
    with start(to(HOST, upstream), secrets=(SECRET,)).secure(HOST) as connection:
        connection.sendall(CHUNKED_HEAD)
        upstream.call(recorder.came())
        for letter in SECRET.encode():
            connection.sendall(chunk(bytes([letter])))
        assert read_reply(connection).status == 403
        upstream.call(recorder.closed())
    assert len(recorder.received.partition(b"\r\n\r\n")[2].split(b"\r\n")) // 2 < 4


@pytest.mark.parametrize(
    "ending", [SECRET.encode(), b"ghp_Zq7Xw2Lm9Kt4Rv8Bn3Pd6Hs1Gj5Fc0Ya2Te4\n"], ids=["known", "rule"]
)
def test_a_hit_in_the_last_bytes_of_a_large_upload(
    start: Begin, serve: Serve, to: MakeRoute, ending: bytes
) -> None:
    upstream = serve(HOST, keep_bodies=False, handler=count)
    sidecar = start(to(HOST, upstream), secrets=(SECRET,))
    sidecar.request(HOST, method="POST", body=CHUNK * 4)
    before = memory(sidecar)
    for tail, status in ((bytes(100), 200), (b" " + ending, 403)):
        with sidecar.secure(HOST) as connection:
            size = LARGE + len(tail)
            connection.sendall(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n".encode())
            for _ in range(LARGE // len(CHUNK)):
                connection.sendall(CHUNK)
            connection.sendall(tail)
            assert read_reply(connection).status == status
    assert [seen.size for seen in upstream.requests] == [4 * len(CHUNK), LARGE + 100]
    assert memory(sidecar) - before < BOUND


def test_over_http2_the_other_streams_go_on(start: Begin, serve: Serve, to: MakeRoute) -> None:
    upstream = serve(HOST, protocols=("h2",), handler=count)
    with start(to(HOST, upstream), secrets=(SECRET,)).secure(HOST, alpn=["h2"]) as connection:
        client = Http2Client(connection)
        head = [(":method", "POST"), (":scheme", "https"), (":authority", HOST), (":path", "/")]
        clean, dirty = client.begin(head, end=False), client.begin(head, end=False)
        client.send(clean, CHUNK)
        client.send(dirty, CHUNK)
        client.send(dirty, SECRET.encode())
        assert client.finish(dirty).status == 403
        client.send(clean, CHUNK, end=True)
        assert client.finish(clean).status == 200
    assert [seen.size for seen in upstream.requests] == [2 * len(CHUNK)]


async def _early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"early"))
    await writer.drain()
    await reader.read()


def test_an_answer_that_has_begun_breaks_off(start: Begin, serve: Serve, to: MakeRoute) -> None:
    sidecar = start(to(HOST, serve(HOST, raw=_early)), secrets=(SECRET,))
    with sidecar.secure(HOST) as connection:
        connection.sendall(CHUNKED_HEAD + chunk(b"clean words"))
        received = b""
        while b"early" not in received:
            received += connection.recv(4096)
        connection.sendall(chunk(SECRET.encode()))
        assert not (received + read_all(connection)).endswith(b"0\r\n\r\n")
    assert [event["outcome"] for event in sidecar.events if event["event"] == "leak"] == ["blocked"]


class TestWebSockets:
    @pytest.fixture
    def server(self) -> EchoServer:
        return EchoServer(deflate=True)

    @pytest.fixture
    def connect(
        self, start: Begin, serve: Serve, to: MakeRoute, server: EchoServer
    ) -> Iterator[Callable[..., WebSocketClient]]:
        sidecar = start(to(HOST, serve(HOST, raw=server)), secrets=(SECRET,))
        connections = []

        def make(*, deflate: bool = False) -> WebSocketClient:
            connections.append(sidecar.secure(HOST))
            client = WebSocketClient(connections[-1], HOST, deflate=deflate)
            assert isinstance(client.receive(), AcceptConnection)
            client.text()
            return client

        yield make
        for connection in connections:
            connection.close()

    @pytest.mark.parametrize("deflate", [False, True])
    @pytest.mark.parametrize(
        "messages",
        [
            [TextMessage(data=f"a {SECRET} b")],
            [BytesMessage(data=f"a {SECRET} b".encode())],
            [TextMessage(data="a " + SECRET[:9], message_finished=False), TextMessage(data=SECRET[9:])],
            [TextMessage(data="a " + SECRET[:9]), TextMessage(data=SECRET[9:])],
            [BytesMessage(data=bytes([letter])) for letter in SECRET.encode()],
            [TextMessage(data=SECRET[:9]), Ping(payload=b"p"), TextMessage(data=SECRET[9:])],
            [Ping(payload=SECRET.encode())],
            [Pong(payload=SECRET.encode())],
            [Ping(payload=SECRET[:9].encode()), Ping(payload=SECRET[9:].encode())],
            [CloseConnection(code=1000, reason=SECRET)],
            [TextMessage(data="key ghp_Zq7Xw2Lm9Kt4Rv8Bn3Pd6Hs1Gj5Fc0Ya2Te4")],
        ],
        ids=[
            "text", "binary", "fragments", "two messages", "many messages", "a ping between", "ping", "pong",
            "two pings", "close", "pattern",
        ],
    )  # fmt: skip
    def test_no_message_carries_a_secret(
        self,
        connect: Callable[..., WebSocketClient],
        server: EchoServer,
        messages: list[TextMessage],
        *,
        deflate: bool,
    ) -> None:
        client = connect(deflate=deflate)
        for message in messages:
            client.send(message)
        event = client.receive()
        while not isinstance(event, CloseConnection):
            event = client.receive()
        assert event.code == 1008
        assert SECRET not in (event.reason or "")
        assert SECRET[:4] not in server.received()
        assert "ghp_" not in server.received()

    def test_clean_messages_pass_at_once(self, connect: Callable[..., WebSocketClient]) -> None:
        client = connect(deflate=True)
        for words in ("hello", "pA5", "again"):
            client.send(TextMessage(data=words))
            assert client.text() == words

    def test_what_only_began_like_a_secret_follows_in_order(
        self, connect: Callable[..., WebSocketClient]
    ) -> None:
        client = connect(deflate=True)
        client.send(TextMessage(data=SECRET[:9]))
        client.send(TextMessage(data="no"))
        assert [client.text(), client.text()] == [SECRET[:9], "no"]
