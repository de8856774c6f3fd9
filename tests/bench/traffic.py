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
from attrs import field, frozen

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
class Path_:
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
