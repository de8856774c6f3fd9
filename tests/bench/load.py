"""A client in a process of its own: `python -m bench.load SPEC` sends requests and prints what it took.

SPEC is a `Load` in JSON; the answer is a list of samples in JSON: seconds for TIMES and EVENTS, requests
a second for RATE, bytes a second for DOWN and UP.
"""

import asyncio
import json
import ssl
import sys
import time
from asyncio import StreamReader, StreamWriter
from enum import StrEnum

import cattrs
from attrs import frozen

HOST = "api.test"
BLOCK = b"x" * 65536
_LIMIT = 2**20


class Kind(StrEnum):
    """TIMES: one keep-alive connection. EVENTS: how long after its making each streamed event arrives."""

    TIMES = "times"
    RATE = "rate"
    DOWN = "down"
    UP = "up"
    EVENTS = "events"


@frozen(kw_only=True)
class Load:
    """`proxy`: a port of this host, None to go straight to `target` (`host:port`). `ca`: a PEM file.

    `amount`: requests, of each connection for RATE; bytes for DOWN and UP; events for EVENTS.
    """

    kind: Kind
    target: str
    proxy: int | None
    ca: str
    amount: int
    connections: int = 1


async def connect(load: Load) -> tuple[StreamReader, StreamWriter]:
    """TLS to the target, through the proxy where there is one."""
    host, _, port = load.target.partition(":")
    address = (host, int(port)) if load.proxy is None else ("127.0.0.1", load.proxy)
    reader, writer = await asyncio.open_connection(*address, limit=_LIMIT)
    if load.proxy is not None:
        writer.write(f"CONNECT {load.target} HTTP/1.1\r\nHost: {load.target}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.split(b"\r\n")[0], head
    context = ssl.create_default_context(cafile=load.ca)
    context.set_alpn_protocols(["http/1.1"])
    await writer.start_tls(context, server_hostname=HOST)
    return reader, writer


async def exchange(reader: StreamReader, writer: StreamWriter, target: str) -> int:
    """One GET on a kept connection; the bytes of its body."""
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    return await take_body(reader)


async def take_body(reader: StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    left = length
    while left:
        left -= len(await reader.read(min(left, _LIMIT)) or _missing())
    return length


def _missing() -> bytes:
    raise ConnectionError("the connection ended inside an answer")


async def times(load: Load) -> list[float]:
    reader, writer = await connect(load)
    samples = []
    for _ in range(load.amount + 20):
        start = time.perf_counter()
        await exchange(reader, writer, "/small")
        samples.append(time.perf_counter() - start)
    writer.close()
    return samples[20:]


async def rate(load: Load) -> list[float]:
    connections = await asyncio.gather(*(connect(load) for _ in range(load.connections)))
    await asyncio.gather(*(exchange(*connection, "/small") for connection in connections))

    async def work(reader: StreamReader, writer: StreamWriter) -> None:
        for _ in range(load.amount):
            await exchange(reader, writer, "/small")

    start = time.perf_counter()
    await asyncio.gather(*(work(*connection) for connection in connections))
    return [load.amount * load.connections / (time.perf_counter() - start)]


async def down(load: Load) -> list[float]:
    reader, writer = await connect(load)
    await exchange(reader, writer, "/small")
    start = time.perf_counter()
    await exchange(reader, writer, f"/{load.amount}")
    return [load.amount / (time.perf_counter() - start)]


async def up(load: Load) -> list[float]:
    reader, writer = await connect(load)
    await exchange(reader, writer, "/small")
    start = time.perf_counter()
    writer.write(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {load.amount}\r\n\r\n".encode())
    for _ in range(load.amount // len(BLOCK)):
        writer.write(BLOCK)
        await writer.drain()
    await take_body(reader)
    return [load.amount / (time.perf_counter() - start)]


async def events(load: Load) -> list[float]:
    """The upstream writes into each event when, by the clock that all processes share."""
    reader, writer = await connect(load)
    writer.write(f"GET /events/{load.amount} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    samples: list[float] = []
    while len(samples) < load.amount:
        line = await reader.readline() or _missing()
        if line.startswith(b"data: "):
            samples.append(time.monotonic() - float(line[6:]))
    return samples


_KINDS = {Kind.TIMES: times, Kind.RATE: rate, Kind.DOWN: down, Kind.UP: up, Kind.EVENTS: events}


def main() -> None:
    load = cattrs.structure(json.loads(sys.argv[1]), Load)
    print(json.dumps(asyncio.run(_KINDS[load.kind](load))))


if __name__ == "__main__":
    main()
