"""HTTP/1.1 as the bottle's git speaks it to the gate: one exchange after another on a connection."""

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping

import h11

_READ = 256 * 1024
_HEAD = 64 * 1024
_MOST_INFLATED = 256 * 1024**2  # bytes of a compressed body
_IDLE = 120.0  # seconds a connection may wait for its next request
_LINE = re.compile(rb"[A-Z]{1,20} http://([^/?# ]*)", re.IGNORECASE)
_LONGEST_START = 300  # bytes within which a request for the gate tells that it is one


def addressed(start: bytes, host: str) -> bool | None:
    """Whether a connection that starts so asks a proxy for `host`; None where it is too early to say."""
    match = _LINE.match(start)
    if match and match.end() < len(start):
        return match[1].removesuffix(b":80").lower() == host.encode()
    words = start.split(b" ")
    undecided = len(words) < 3 and len(start) < _LONGEST_START and b"\n" not in start and start[:1].isalpha()
    return None if undecided else False


class Exchange:
    """One request and its answer. `path` and `query` are as sent; header names are lower-case."""

    def __init__(self, connection: "Connection", request: h11.Request) -> None:
        self._connection = connection
        target = request.target.decode("latin-1").split("#")[0]
        rest = re.sub(r"\Ahttp://[^/?]*", "", target, flags=re.IGNORECASE)
        self.path, _, self.query = rest.partition("?")
        self.method = request.method.decode("latin-1")
        self.headers: Mapping[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers
        }
        self._inflate = zlib.decompressobj(31) if self._encoding() == "gzip" else None
        self._inflated = 0
        self._rest = bytearray()

    def _encoding(self) -> str:
        return self.headers.get("content-encoding", "").lower()

    async def read(self) -> bytes:
        """The next bytes of the body, decompressed; empty at the end. Raises EOFError, OSError."""
        if self._rest:
            held = bytes(self._rest)
            self._rest.clear()
            return held
        return await self._next()

    async def _next(self) -> bytes:
        while data := await self._connection.body():
            if self._inflate is None:
                return data
            data = self._inflate.decompress(data, _MOST_INFLATED)
            self._inflated += len(data)
            if self._inflate.unconsumed_tail or self._inflated > _MOST_INFLATED:
                raise EOFError("the body unpacks to too much")
            if data:
                return data
        return b""

    async def exactly(self, size: int) -> bytes:
        """Raises EOFError where the body ends before."""
        while len(self._rest) < size:
            more = await self._next()
            if not more:
                raise EOFError("the body ends early")
            self._rest += more
        data = bytes(self._rest[:size])
        del self._rest[:size]
        return data

    async def drain(self) -> None:
        while await self.read():
            pass

    async def respond(self, status: int, kind: str) -> None:
        """Begins the answer; `send` and `end` follow."""
        headers = [("Content-Type", kind), ("Cache-Control", "no-cache"), ("Transfer-Encoding", "chunked")]
        await self._connection.send(h11.Response(status_code=status, headers=headers))

    async def send(self, data: bytes) -> None:
        if data:
            await self._connection.send(h11.Data(data=data))

    async def end(self) -> None:
        await self._connection.send(h11.EndOfMessage())

    async def answer(self, status: int, kind: str, body: bytes) -> None:
        """A whole short answer."""
        await self.respond(status, kind)
        await self.send(body)
        await self.end()


Handler = Callable[[Exchange], Awaitable[None]]


class Connection:
    """Serves requests until either side has enough. `handle` answers each."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handler) -> None:
        self._reader = reader
        self._writer = writer
        self._handle = handle
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD)

    async def serve(self) -> None:
        try:
            while await self._one():
                self._h11.start_next_cycle()
        except (h11.RemoteProtocolError, h11.LocalProtocolError, EOFError, OSError, TimeoutError, zlib.error):
            pass
        finally:
            self._writer.close()

    async def _one(self) -> bool:
        """Whether the connection can carry another exchange after this one."""
        async with asyncio.timeout(_IDLE):
            request = await self._next()
        if not isinstance(request, h11.Request):
            return False
        exchange = Exchange(self, request)
        await self._handle(exchange)
        await exchange.drain()
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    async def body(self) -> bytes:
        """Raises EOFError where the client went away in the middle."""
        if self._h11.their_state is not h11.SEND_BODY:
            return b""
        if self._h11.they_are_waiting_for_100_continue:
            await self.send(h11.InformationalResponse(status_code=100, headers=[]))
        event = await self._next()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        if isinstance(event, h11.EndOfMessage):
            return b""
        raise EOFError("the client went away")

    async def send(self, event: h11.Event) -> None:
        data = self._h11.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def _next(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._h11.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            self._h11.receive_data(await self._reader.read(_READ))
