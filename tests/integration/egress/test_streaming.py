"""Nothing is held back, and nothing is kept: order in time, and memory."""

import asyncio
import select
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.egress import Begin, MakeRoute, Serve
from support.http2_client import Http2Client
from support.sidecar import Sidecar, read_head, read_reply
from support.upstreams import Answer, Seen

HOST = "api.test"
CHUNK = b"x" * 65536
MANY = 200 * 1024 * 1024 // len(CHUNK)
BOUND = 48 * 1024 * 1024  # bytes that the sidecar may grow by


class Released:
    """A body that gives one chunk a release."""

    def __init__(self) -> None:
        self.gate = asyncio.Semaphore(0)

    async def __call__(self, seen: Seen) -> Answer:
        async def body() -> AsyncIterator[bytes]:
            for number in range(3):
                await self.gate.acquire()
                yield f"data: {number}\n\n".encode()

        return Answer(headers=[("content-type", "text/event-stream")], body=body())


def memory(sidecar: Sidecar) -> int:
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{sidecar.process.pid}/status").read_text().splitlines()
    )
    return int(fields["VmHWM"].split()[0]) * 1024


def many(seen: Seen) -> AsyncIterator[bytes]:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(MANY):
            yield CHUNK

    return body()


async def download(seen: Seen) -> Answer:
    return Answer(body=many(seen))


def test_each_event_arrives_before_the_next_is_sent(start: Begin, serve: Serve, to: MakeRoute) -> None:
    handler = Released()
    upstream = serve(HOST, handler=handler, protocols=("http/1.1",))
    with start(to(HOST, upstream)).secure(HOST) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
        upstream._loop.call_soon_threadsafe(handler.gate.release)
        assert b"text/event-stream" in read_head(connection)
        received = b""
        for number in range(3):
            while f"data: {number}\n\n".encode() not in received:
                received += connection.recv(4096)
            upstream._loop.call_soon_threadsafe(handler.gate.release)


def test_each_event_over_http2(start: Begin, serve: Serve, to: MakeRoute) -> None:
    handler = Released()
    upstream = serve(HOST, handler=handler, protocols=("h2",))
    with start(to(HOST, upstream)).secure(HOST, alpn=["h2"]) as connection:
        client = Http2Client(connection)
        number = client.begin(
            [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/")]
        )
        for event in range(3):
            upstream._loop.call_soon_threadsafe(handler.gate.release)
            while f"data: {event}\n\n".encode() not in client.streams[number].body:
                assert client.receive()
    assert upstream.requests[0].version == "2"


def test_a_large_download_takes_no_memory(start: Begin, serve: Serve, to: MakeRoute) -> None:
    sidecar = start(to(HOST, serve(HOST, handler=download)))
    sidecar.request("other.test")
    before = memory(sidecar)
    with sidecar.secure(HOST) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n")
        received = 0
        while data := connection.recv(2**20):
            received += len(data)
    assert received > MANY * len(CHUNK)
    assert memory(sidecar) - before < BOUND


def test_a_large_upload_takes_no_memory(start: Begin, serve: Serve, to: MakeRoute) -> None:
    upstream = serve(HOST, keep_bodies=False, handler=_count)
    sidecar = start(to(HOST, upstream))
    sidecar.request("other.test")
    before = memory(sidecar)
    with sidecar.secure(HOST) as connection:
        connection.sendall(
            f"POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: {MANY * len(CHUNK)}\r\n\r\n".encode()
        )
        for _ in range(MANY):
            connection.sendall(CHUNK)
        assert read_reply(connection).status == 200
    assert upstream.requests[0].size == MANY * len(CHUNK)
    assert memory(sidecar) - before < BOUND


async def _count(seen: Seen) -> Answer:
    return Answer(body=str(seen.size).encode())


def test_a_reader_that_stops_reading_takes_no_memory(start: Begin, serve: Serve, to: MakeRoute) -> None:
    """HTTP/2: the window of one stream is shut; another stream of the connection goes on."""
    handler = _Choice()
    sidecar = start(to(HOST, serve(HOST, handler=handler, protocols=("h2",))))
    sidecar.request("other.test")
    before = memory(sidecar)
    with sidecar.secure(HOST, alpn=["h2"]) as connection:
        client = Http2Client(connection, acknowledge=False)
        client.connection.increment_flow_control_window(2**24)
        large = client.begin(
            [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/large")]
        )
        while len(client.streams[large].body) < 60_000:
            assert client.receive()
        for _ in range(20):
            assert client.request(HOST, "/small").status == 200
        assert not client.streams[large].ended
    assert memory(sidecar) - before < BOUND


def test_a_reader_that_stops_reading_before_an_http1_upstream(
    start: Begin, serve: Serve, to: MakeRoute
) -> None:
    handler = _Choice()
    sidecar = start(to(HOST, serve(HOST, handler=handler, protocols=("http/1.1",))))
    sidecar.request("other.test")
    before = memory(sidecar)
    with sidecar.secure(HOST, alpn=["h2"]) as connection:
        client = Http2Client(connection, acknowledge=False)
        client.connection.increment_flow_control_window(2**24)
        large = client.begin(
            [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/large")]
        )
        while len(client.streams[large].body) < 60_000:
            assert client.receive()
        for _ in range(20):
            assert client.request(HOST, "/small").status == 200
    assert memory(sidecar) - before < BOUND


class _Choice:
    async def __call__(self, seen: Seen) -> Answer:
        return Answer(body=many(seen) if seen.target == "/large" else b"small")


def test_http2_downloads_arrive_whole(start: Begin, serve: Serve, to: MakeRoute) -> None:
    sidecar = start(to(HOST, serve(HOST, handler=_Sized(), protocols=("h2",))))
    with sidecar.secure(HOST, alpn=["h2"]) as connection:
        client = Http2Client(connection)
        assert len(client.request(HOST, "/20000000").body) == 20_000_000
        assert len(client.request(HOST, "/", method="POST", body=b"y" * 20_000_000).body) == 8


class _Sized:
    async def __call__(self, seen: Seen) -> Answer:
        return Answer(body=b"z" * int(seen.target[1:]) if seen.size == 0 else str(seen.size).encode())


async def _duplex(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Echoes a chunked body while it is still coming, and reads no more than it has written."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        size = int(await reader.readline(), 16)
        data = await reader.readexactly(size)
        await reader.readexactly(2)
        writer.write(b"%x\r\n%s\r\n" % (size, data))
        await writer.drain()
        if not size:
            return


def test_both_directions_at_once(start: Begin, serve: Serve, to: MakeRoute) -> None:
    sidecar = start(to(HOST, serve(HOST, raw=_duplex)))
    with sidecar.secure(HOST) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert _echo(connection).partition(b"\r\n\r\n")[2].count(b"x") == 300 * len(CHUNK)


def _echo(connection: ssl.SSLSocket, chunks: int = 300) -> bytes:
    """What comes back of a chunked body while it is sent, by turns: two threads may not share the TLS."""
    unsent = memoryview(b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK) * chunks + b"0\r\n\r\n")
    received = bytearray()
    connection.setblocking(False)
    while not received.endswith(b"\r\n0\r\n\r\n"):
        writable = [connection] if unsent else []
        assert any(select.select([connection], writable, [], 20)), f"stalled after {len(received)} bytes"
        with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            unsent = unsent[connection.send(unsent[: len(CHUNK)]) :]
        with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            while part := connection.recv(len(CHUNK)):
                received += part
    return bytes(received)


def _upload(connection: ssl.SSLSocket, chunks: int = 300) -> None:
    for _ in range(chunks):
        connection.sendall(b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK))
    connection.sendall(b"0\r\n\r\n")


async def _impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers before it has the body, and closes."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n")
    await writer.drain()


def test_an_early_answer_reaches_the_agent(start: Begin, serve: Serve, to: MakeRoute) -> None:
    sidecar = start(to(HOST, serve(HOST, raw=_impatient)))
    with sidecar.secure(HOST) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000
        )
        assert read_reply(connection).status == 413


class _Deaf:
    """Takes a request's head and nothing more."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()


def test_an_upstream_that_stops_reading_takes_no_memory(start: Begin, serve: Serve, to: MakeRoute) -> None:
    sidecar = start(to(HOST, serve(HOST, raw=_Deaf())))
    sidecar.request("other.test")
    before = memory(sidecar)
    with sidecar.secure(HOST) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.settimeout(3)
        with pytest.raises(TimeoutError):
            _upload(connection, chunks=3000)
    assert memory(sidecar) - before < BOUND


def test_an_upstream_that_stops_reading_does_not_stall_other_streams(
    start: Begin, serve: Serve, to: MakeRoute
) -> None:
    sidecar = start(to(HOST, serve(HOST, handler=_Choice(), protocols=("h2",))))
    with sidecar.secure(HOST, alpn=["h2"]) as connection:
        client = Http2Client(connection)
        head = [(":scheme", "https"), (":authority", HOST)]
        stalled = client.begin([(":method", "POST"), *head, (":path", "/never-ends")], end=False)
        client.send(stalled, b"x" * 100_000)
        for _ in range(10):
            assert client.request(HOST, "/small").status == 200
