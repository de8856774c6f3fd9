"""What the way through a sidecar costs, beside plain mitmdump and beside no proxy at all."""

import asyncio
import json
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import cattrs
from attrs import frozen

from bench.interleave import Samples, interleaved
from bench.load import BLOCK, HOST, Kind, Load
from bench.memory import resident
from bench.report import Baseline, Goal, Row, Unit
from bench.rivals import mitmdump
from bottle.proc import PIPE, Command, end, run, spawn
from bottle_sidecar.policy.document import Route
from support.certificates import CertificateAuthority
from support.engine.model import REPOSITORY
from support.sidecar import Sidecar
from support.upstreams import Upstream

_PAUSE = 0.005  # seconds between two streamed events
_START_SECONDS = 30.0


@frozen(kw_only=True)
class Way:
    """A way to the upstream. `pid` of the proxy on it."""

    name: str
    target: str
    proxy: int | None
    ca: Path
    pid: int | None = None


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As little work per request as possible: /small, /BYTES, /events/NUMBER, and POST."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        if method == b"POST":
            left = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            while left:
                left -= len(await reader.read(min(left, 2**20)))
        if target.startswith(b"/events/"):
            await _stream(writer, int(target.rpartition(b"/")[2]))
        elif target[1:].isdigit():
            await _send(writer, int(target[1:]))
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


async def _send(writer: asyncio.StreamWriter, size: int) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    for _ in range(size // len(BLOCK)):
        writer.write(BLOCK)
        await writer.drain()


async def _stream(writer: asyncio.StreamWriter, number: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head)
    for _ in range(number):
        await asyncio.sleep(_PAUSE)
        event = f"data: {time.monotonic()!r}\n\n".encode()
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))
    writer.write(b"0\r\n\r\n")


@contextmanager
def _mitmdump(upstream: Upstream, authority: CertificateAuthority, folder: Path) -> Iterator[Way]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = spawn(mitmdump(port, ca=authority.certificate, settings=folder), stdin=PIPE)
    try:
        _await_listener(port)
        ca = folder / "mitmproxy-ca-cert.pem"
        yield Way(name="mitmdump", target=upstream.address, proxy=port, ca=ca, pid=process.pid)
    finally:
        process.terminate()
        end(process)


def _await_listener(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def _sidecar(upstream: Upstream, authority: CertificateAuthority, folder: Path) -> Iterator[Way]:
    route = Route(host=HOST, address=upstream.address, ca_pem=authority.pem)
    with Sidecar(folder, routes=[route]) as sidecar:
        ca = folder / "bottle-ca.pem"
        ca.write_text(sidecar.ready.ca_certificate)
        yield Way(name="ours", target=f"{HOST}:443", proxy=sidecar.port, ca=ca, pid=sidecar.process.pid)


def _client(way: Way, kind: Kind, amount: int, connections: int) -> Callable[[], float]:
    """Measures with a client of its own each time; the median of what it sampled."""
    proxied = Load(
        kind=kind, target=way.target, proxy=way.proxy, ca=str(way.ca), amount=amount, connections=connections
    )
    argv = (sys.executable, "-m", "bench.load", json.dumps(cattrs.unstructure(proxied)))
    command = Command(argv=argv, cwd=str(REPOSITORY / "tests"), timeout=120)
    return lambda: median(json.loads(run(command).stdout))


@frozen(kw_only=True)
class Traffic:
    """`rounds`: of each measure. `scale`: of the amounts, 1 for figures worth writing down."""

    rounds: int
    scale: float = 1.0

    def rows(self) -> Iterator[Row]:
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            folder = Path(name)
            authority = CertificateAuthority.create(folder / "authority")
            upstream = stack.enter_context(
                Upstream(authority, HOST, raw=answer, protocols=("http/1.1",), keep_bodies=False)
            )
            direct = Way(name="direct", target=upstream.address, proxy=None, ca=authority.certificate)
            sidecar = stack.enter_context(_sidecar(upstream, authority, folder))
            rival = stack.enter_context(_mitmdump(upstream, authority, folder / "mitmdump"))
            yield self._idle(sidecar, rival)
            yield from self._all(sidecar, rival, direct)

    def _idle(self, sidecar: Way, rival: Way) -> Row:
        assert sidecar.pid is not None
        assert rival.pid is not None
        return Row(
            measure="idle sidecar, resident",
            unit=Unit.MEGABYTES,
            samples=[resident(sidecar.pid)],
            baseline=Baseline(name="idle mitmdump", samples=[resident(rival.pid)]),
        )

    def _all(self, sidecar: Way, rival: Way, direct: Way) -> Iterator[Row]:
        times = self._measure(Kind.TIMES, 300, sidecar, rival)
        yield _row("keep-alive GET, p50", times, Unit.MILLISECONDS, goal=Goal(bound=0.75))
        rates = self._measure(Kind.RATE, 60, sidecar, rival, connections=16)
        yield _row("GETs on 16 connections", rates, Unit.REQUESTS, goal=Goal(bound=1.5, at_least=True))
        for kind, blocks in ((Kind.DOWN, 1600), (Kind.UP, 800)):
            found = self._measure(kind, blocks, sidecar, rival, each=len(BLOCK))
            yield _row(f"{blocks * len(BLOCK) // 10**6} MB {kind}", found, Unit.THROUGHPUT)
        delays = self._measure(Kind.EVENTS, 200, sidecar, direct)
        yield Row(
            measure="streamed event through a sidecar, p50 delay",
            unit=Unit.MILLISECONDS,
            samples=delays["ours"],
            baseline=Baseline(name="no proxy", samples=delays["direct"]),
            goal=Goal(bound=1e-3, of_ratio=False),
        )

    def _measure(self, kind: Kind, amount: int, *ways: Way, connections: int = 1, each: int = 1) -> Samples:
        scaled = max(int(amount * self.scale), 1) * each
        return interleaved({way.name: _client(way, kind, scaled, connections) for way in ways}, self.rounds)


def _row(measure: str, found: Samples, unit: Unit, *, goal: Goal | None = None) -> Row:
    rival = Baseline(name="plain mitmdump", samples=found["mitmdump"])
    return Row(measure=measure, unit=unit, samples=found["ours"], baseline=rival, goal=goal)
