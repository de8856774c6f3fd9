"""Does the I/O that mitmproxy's protocol layers ask for.

The layers never touch a socket: they take events and yield commands. The driver carries both, for one
connection from the agent and whatever upstream connections belong to it; questions (hooks) and dialling
go to a `World`, so nothing reaches the network but through it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Protocol

from mitmproxy.connection import Client, Connection, ConnectionState
from mitmproxy.proxy import commands, events, layer

from bottle_sidecar.egress.dial import DialError, Streams, UpstreamError
from bottle_sidecar.egress.http2 import AwaitRoom

_CHUNK = 64 * 1024
_WRITE_BUFFER = 256 * 1024  # bytes that wait for a slow reader before its counterpart is no longer read
_PENDING_LIMIT = 1024 * 1024  # bytes taken from the agent while an upstream connection is being made
_FLOOD = 4 * 1024 * 1024  # bytes of answers that a peer may ask for without reading them
_GLANCE = 0.01  # seconds between looks at a congested peer
_LINGER = 30.0  # seconds a closed socket may take to deliver what was written to it


class World(Protocol):
    """What the layers' questions are put to."""

    def answer(self, hook: commands.StartHook) -> None:
        """Answers by changing what the hook carries."""
        ...

    async def dial(self, server: Connection) -> Streams:
        """Raises DialError."""
        ...

    def told(self, message: commands.Log) -> None: ...

    def is_paced(self, source: Connection) -> bool:
        """Whether HTTP/2 flow control bounds what comes from a connection; reading it need not wait then."""
        ...

    def congested(self, source: Connection) -> bool:
        """Whether the reader of what comes from `source` has shut its window."""
        ...

    def faulted(self, error: Exception) -> None:
        """Something went wrong within this connection; it is being closed."""
        ...


class _Transport:
    """A socket under a mitmproxy connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        writer.transport.set_write_buffer_limits(high=_WRITE_BUFFER)

    @property
    def backlog(self) -> int:
        return self.writer.transport.get_write_buffer_size()

    def close(self) -> None:
        """Delivers what is left, but does not wait for ever on a peer that no longer reads."""
        self.writer.close()
        if self.backlog:
            asyncio.get_running_loop().call_later(_LINGER, self.writer.transport.abort)


class _Ended(layer.Layer):
    """Takes the place of the layers after an abort; hears nothing, does nothing."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:  # noqa: ARG002
        yield from ()


class Driver:
    """One connection from the agent."""

    def __init__(self, client: Client, streams: Streams, top: layer.Layer, world: World) -> None:
        self._client = client
        self._layer = top
        self._world = world
        self._transports: dict[Connection, _Transport] = {client: _Transport(*streams)}
        self._tasks: dict[Connection, asyncio.Task[None]] = {}
        self._events: deque[events.Event] = deque()
        self._pumping = False
        self._establishing: set[Connection] = set()
        self._progress = asyncio.Event()
        self._pending = 0
        self._waiting: list[AwaitRoom] = []
        self._glancing = False
        self.last_byte = time.monotonic()

    async def run(self) -> None:
        """Returns when the connection is over; every socket of it is closed then."""
        reading = self._start(self._client, self._read(self._client))
        try:
            self.feed(events.Start())
            await asyncio.wait([reading])
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(reading, *tasks, return_exceptions=True)

    def feed(self, event: events.Event) -> None:
        """Gives an event to the layers and does what they ask for, to the end of the chain."""
        self._events.append(event)
        if not self._pumping:
            self._pump()

    def _pump(self) -> None:
        self._pumping = True
        try:
            while self._events or self._wake():
                for command in self._layer.handle_event(self._events.popleft()):
                    self._perform(command)
        except Exception as error:  # noqa: BLE001 - a fault in one connection must not reach the others
            self._world.faulted(error)
            self.abort()
        finally:
            self._pumping = False

    def abort(self) -> None:
        """Closes everything; the layers hear no more."""
        self._events.clear()
        self._waiting.clear()
        self._layer = _Ended(self._layer.context)
        for task in list(self._tasks.values()):
            task.cancel()

    def backlog(self, connection: Connection) -> int:
        """Bytes that were written to a connection and not yet taken by its peer."""
        transport = self._transports.get(connection)
        return 0 if transport is None else transport.backlog

    def settled(self, server: Connection) -> None:
        """An upstream connection is usable, or has failed."""
        self._establishing.discard(server)
        self._progress.set()

    def _perform(self, command: commands.Command) -> None:
        match command:
            case commands.StartHook():
                self._world.answer(command)
                if command.blocking:
                    self._events.append(events.HookCompleted(command, None))
            case commands.SendData():
                transport = self._transports.get(command.connection)
                if transport is not None and not transport.writer.is_closing():
                    transport.writer.write(command.data)
            case commands.OpenConnection():
                self._establishing.add(command.connection)
                self._pending = 0
                self._start(command.connection, self._connect(command))
            case commands.CloseConnection():
                half = isinstance(command, commands.CloseTcpConnection) and command.half_close
                (self._half_close if half else self._close)(command.connection)
            case AwaitRoom():
                self._waiting.append(command)
            case commands.RequestWakeup():
                asyncio.get_running_loop().call_later(command.delay, self.feed, events.Wakeup(command))
            case commands.Log():
                self._world.told(command)
            case _:
                raise TypeError(type(command).__name__)

    def _wake(self) -> bool:
        """Completes the waits that have come true; looks again soon for the others."""
        ready = [command for command in self._waiting if command.ready()]
        self._events.extend(events.Wakeup(command) for command in ready)
        self._waiting = [command for command in self._waiting if command not in ready]
        if self._waiting and not self._glancing:
            self._glancing = True
            asyncio.get_running_loop().call_later(_GLANCE, self._glance)
        return bool(ready)

    def _glance(self) -> None:
        self._glancing = False
        if not self._pumping and self._wake():
            self._pump()

    def _start(self, connection: Connection, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._tasks[connection] = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda _: self._tasks.pop(connection, None))
        return task

    async def _read(self, connection: Connection) -> None:
        """Reads one socket to its end. A half-closed one may be written to until the layers close it."""
        transport = self._transports[connection]
        cancelled = False
        try:
            with suppress(OSError):
                while data := await transport.reader.read(_CHUNK):
                    self.last_byte = time.monotonic()
                    self.feed(events.DataReceived(connection, data))
                    await self._settle(connection, len(data))
        except asyncio.CancelledError:
            cancelled = True
        readable = ConnectionState.CAN_READ
        connection.state = ConnectionState.CLOSED if cancelled else connection.state & ~readable
        self.feed(events.ConnectionClosed(connection))
        try:
            if not cancelled and connection.state is ConnectionState.CAN_WRITE:
                await asyncio.Event().wait()
        finally:
            connection.state = ConnectionState.CLOSED
            self._transports.pop(connection, None)
            transport.close()

    async def _settle(self, source: Connection, received: int) -> None:
        """Waits until what was read from `source` has somewhere to go: back-pressure, in bounded memory.

        Never waits for `source` itself to read, except where it floods us: both sides of a full-duplex
        exchange may write first and read later.
        """
        if self.backlog(source) > _FLOOD:
            await self._drain(source)
        if self._world.is_paced(source):
            return
        if source is not self._client:
            await self._drain(self._client)
            while self._world.congested(source):  # noqa: ASYNC110 - a window opens without an event of ours
                await asyncio.sleep(_GLANCE)
            return
        self._pending += received
        while self._establishing and self._pending > _PENDING_LIMIT:
            self._progress.clear()
            await self._progress.wait()
        for connection in list(self._transports):
            if connection is not source:
                await self._drain(connection)

    async def _drain(self, connection: Connection) -> None:
        transport = self._transports.get(connection)
        if transport is not None:
            with suppress(OSError):
                await transport.writer.drain()

    async def _connect(self, command: commands.OpenConnection) -> None:
        connection = command.connection
        try:
            reader, writer = await self._world.dial(connection)
        except (DialError, asyncio.CancelledError) as error:
            self._failed(command, error)
            return
        self._transports[connection] = _Transport(reader, writer)
        connection.state = ConnectionState.OPEN
        connection.timestamp_start = time.time()
        connection.peername = writer.get_extra_info("peername")
        connection.sockname = writer.get_extra_info("sockname")
        if not connection.tls:
            self.settled(connection)
        self.feed(events.OpenConnectionCompleted(command, None))
        try:
            await self._read(connection)
        finally:
            self.settled(connection)

    def _failed(self, command: commands.OpenConnection, error: BaseException) -> None:
        failure = UpstreamError.of(error) if isinstance(error, DialError) else "the connection was given up"
        command.connection.error = failure
        command.connection.state = ConnectionState.CLOSED
        self.settled(command.connection)
        self.feed(events.OpenConnectionCompleted(command, failure))

    def _close(self, connection: Connection) -> None:
        connection.state = ConnectionState.CLOSED
        task = self._tasks.get(connection)
        if task is not None:
            task.cancel()

    def _half_close(self, connection: Connection) -> None:
        transport = self._transports.get(connection)
        if transport is None or not connection.state & ConnectionState.CAN_WRITE:
            return
        connection.state &= ~ConnectionState.CAN_WRITE
        if not transport.writer.is_closing():
            with suppress(OSError):
                transport.writer.write_eof()
        if connection.state is ConnectionState.CLOSED:
            self._close(connection)
