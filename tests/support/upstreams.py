"""Upstream servers for egress tests: TLS or plain, HTTP/1.1 or HTTP/2, honest or not; all record.

They run on an event loop in a thread of the test process and live as long as the `with` block.
"""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Self

import h2.config
import h2.connection
import h2.events
import h11
from attrs import define, field, frozen

from support.certificates import CertificateAuthority

WAIT = 20.0  # seconds that anything in these tests may take


@frozen(kw_only=True)
class Seen:
    """A request as it reached the upstream. `headers` have lower-case names, in order."""

    method: str
    target: str
    version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    size: int
    sni: str | None

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


@define
class Answer:
    """What a handler answers. `body`: whole, or chunks that an async iterator yields one by one."""

    status: int = 200
    headers: Iterable[tuple[str, str]] = ()
    body: Any = b""
    trailers: Iterable[tuple[str, str]] = ()


Handler = Callable[[Seen], Awaitable[Answer]]
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(seen: Seen) -> Answer:
    """Answers with what it saw: the request's headers and body."""
    lines = "".join(f"{name}: {value}\n" for name, value in seen.headers)
    return Answer(body=lines.encode() + b"\n" + seen.body)


class Upstream:
    """One server. `handler` answers requests; `raw` instead takes the whole decrypted connection.

    `keep_bodies` False counts a request's body without holding it.
    """

    def __init__(
        self,
        authority: CertificateAuthority | None,
        *names: str,
        handler: Handler = echo,
        raw: Raw | None = None,
        protocols: tuple[str, ...] = ("h2", "http/1.1"),
        keep_bodies: bool = True,
        host: str = "127.0.0.1",
    ) -> None:
        self.host = host
        self.requests: list[Seen] = []
        self.connections = 0
        self._handler = handler
        self._raw = raw
        self._keep_bodies = keep_bodies
        self._snis: dict[int, str | None] = {}
        self._context = None if authority is None else self._tls(authority, names, protocols)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="upstream")
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT)
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT)

    def set(self, event: asyncio.Event) -> None:
        self._loop.call_soon_threadsafe(event.set)

    def _tls(
        self, authority: CertificateAuthority, names: tuple[str, ...], protocols: tuple[str, ...]
    ) -> ssl.SSLContext:
        issued = authority.issue(*names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(issued.chain, issued.key)
        context.set_alpn_protocols(list(protocols))
        context.sni_callback = lambda connection, name, _: self._snis.__setitem__(id(connection), name)
        return context

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, 0, ssl=self._context, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        secured = writer.get_extra_info("ssl_object")
        try:
            if self._raw is not None:
                await self._raw(reader, writer)
            elif secured is not None and secured.selected_alpn_protocol() == "h2":
                await _Http2(self, reader, writer, self._sni(secured)).run()
            else:
                await self._http1(reader, writer, self._sni(secured))
        except (OSError, asyncio.CancelledError, asyncio.IncompleteReadError, h11.RemoteProtocolError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    def _sni(self, secured: Any) -> str | None:
        return self._snis.get(id(secured))

    async def answer(self, seen: Seen) -> Answer:
        self.requests.append(seen)
        return await self._handler(seen)

    def keep(self, body: bytearray, data: bytes) -> int:
        if self._keep_bodies:
            body += data
        return len(data)

    async def _http1(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sni: str | None
    ) -> None:
        connection = h11.Connection(h11.SERVER)
        while True:
            seen = await self._read_request(connection, reader, sni)
            if seen is None:
                return
            await _send_http1(connection, writer, await self.answer(seen), seen.method)
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()

    async def _read_request(
        self, connection: h11.Connection, reader: asyncio.StreamReader, sni: str | None
    ) -> Seen | None:
        request: h11.Request | None = None
        body, size = bytearray(), 0
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                size += self.keep(body, bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                headers = tuple((name.decode(), value.decode("latin-1")) for name, value in request.headers)
                return Seen(
                    method=request.method.decode(),
                    target=request.target.decode(),
                    version=request.http_version.decode(),
                    headers=headers,
                    body=bytes(body),
                    size=size,
                    sni=sni,
                )
            else:
                return None


async def _send_http1(
    connection: h11.Connection, writer: asyncio.StreamWriter, answer: Answer, method: str
) -> None:
    headers = list(answer.headers)
    whole = isinstance(answer.body, bytes)
    named = {name.lower() for name, _ in headers}
    if whole and "content-length" not in named and answer.status not in (204, 304):
        headers.append(("content-length", str(len(answer.body))))
    elif not whole and not named & {"content-length", "transfer-encoding"}:
        headers.append(("transfer-encoding", "chunked"))
    head = h11.Response(status_code=answer.status, headers=[(n.encode(), v.encode()) for n, v in headers])
    writer.write(connection.send(head) or b"")
    async for chunk in _chunks(answer.body):
        if method != "HEAD":
            writer.write(connection.send(h11.Data(data=chunk)) or b"")
            await writer.drain()
            await asyncio.sleep(0)  # or the loop might never come to hear that the peer is gone
            if writer.is_closing():  # over TLS, drain may go on without a word when the peer is gone
                raise ConnectionResetError
    trailers = [(name.encode(), value.encode()) for name, value in answer.trailers]
    writer.write(connection.send(h11.EndOfMessage(headers=trailers)) or b"")
    await writer.drain()


async def _chunks(body: Any) -> Any:
    if not isinstance(body, bytes):
        async for chunk in body:
            yield chunk
    elif body:
        yield body


class _Http2:
    """One HTTP/2 connection."""

    def __init__(
        self,
        upstream: Upstream,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        sni: str | None,
    ) -> None:
        self._upstream = upstream
        self._reader = reader
        self._writer = writer
        self._sni = sni
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self._connection = h2.connection.H2Connection(config)
        self._heads: dict[int, list[tuple[str, str]]] = {}
        self._bodies: dict[int, bytearray] = {}
        self._sizes: dict[int, int] = {}
        self._window = asyncio.Condition()
        self._answers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        self._connection.initiate_connection()
        self._flush()
        try:
            while data := await self._reader.read(65536):
                for event in self._connection.receive_data(data):
                    self._on(event)
                self._flush()
                async with self._window:
                    self._window.notify_all()
        finally:
            for task in list(self._answers):
                task.cancel()
            await asyncio.gather(*self._answers, return_exceptions=True)

    def _on(self, event: Any) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._heads[event.stream_id] = [(str(n), str(v)) for n, v in event.headers]
            self._bodies[event.stream_id], self._sizes[event.stream_id] = bytearray(), 0
        elif isinstance(event, h2.events.DataReceived):
            self._sizes[event.stream_id] += self._upstream.keep(self._bodies[event.stream_id], event.data)
            self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            task = asyncio.ensure_future(self._answer(event.stream_id))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def _answer(self, stream: int) -> None:
        head = self._heads.pop(stream)
        pseudo = dict(pair for pair in head if pair[0].startswith(":"))
        headers = tuple(pair for pair in head if not pair[0].startswith(":"))
        seen = Seen(
            method=pseudo[":method"],
            target=pseudo[":path"],
            version="2",
            headers=(("host", pseudo.get(":authority", "")), *headers),
            body=bytes(self._bodies.pop(stream)),
            size=self._sizes.pop(stream),
            sni=self._sni,
        )
        answer = await self._upstream.answer(seen)
        self._connection.send_headers(stream, [(":status", str(answer.status)), *answer.headers])
        self._flush()
        async for chunk in _chunks(answer.body):
            if seen.method != "HEAD":
                await self._send(stream, chunk)
        trailers = list(answer.trailers)
        if trailers:
            self._connection.send_headers(stream, trailers, end_stream=True)
        else:
            self._connection.end_stream(stream)
        self._flush()

    async def _send(self, stream: int, data: bytes) -> None:
        while data:
            room = min(
                self._connection.local_flow_control_window(stream), self._connection.max_outbound_frame_size
            )
            if not room:
                async with self._window:
                    await self._window.wait()
                continue
            self._connection.send_data(stream, data[:room])
            data = data[room:]
            self._flush()
            await self._writer.drain()

    def _flush(self) -> None:
        data = self._connection.data_to_send()
        if data:
            self._writer.write(data)
