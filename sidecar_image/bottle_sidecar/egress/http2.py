"""HTTP/2 on both legs: mitmproxy's connections, with bounded memory.

mitmproxy grants its peers endless flow-control windows and acknowledges data at once, so a fast sender
and a slow reader would meet in our memory. Here windows are finite, and what was received is acknowledged
when the other leg has room for more, stream by stream: one stalled stream stalls no other.
"""

from collections.abc import Callable, Generator
from typing import Any

import h2.events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http._events import ResponseEndOfMessage
from mitmproxy.proxy.layers.http._http2 import Http2Client, Http2Connection, Http2Server
from mitmproxy.proxy.layers.http._http_h2 import BufferedH2Connection

Commands = Generator[commands.Command, Any, None]
Room = Callable[[int], bool]  # whether the other leg has room for more of an exchange

STREAM_WINDOW = 1024 * 1024
CONNECTION_WINDOW = 4 * 1024 * 1024
PARDONED = 100  # streams of a connection that an agent may break off, besides one for each that it lets end
BACKLOG = 256 * 1024  # bytes of one stream that may wait for the peer's window


class AwaitRoom(commands.RequestWakeup):
    """To be completed once `ready()` is true."""

    def __init__(self, ready: Callable[[], bool]) -> None:
        super().__init__(0.0)
        self.ready = ready


class PacedH2Connection(BufferedH2Connection):
    """Owes its peer the acknowledgement of what it received, until `pay` is called."""

    def __init__(self, config: H2Configuration) -> None:
        super().__init__(config)
        self.owed: dict[int, int] = {}
        self.local_settings.initial_window_size = STREAM_WINDOW
        self.local_settings.acknowledge()

    def initiate_connection(self) -> None:
        H2Connection.initiate_connection(self)
        self.increment_flow_control_window(CONNECTION_WINDOW - self.inbound_flow_control_window)

    def acknowledge_received_data(self, acknowledged_size: int, stream_id: int) -> None:
        self.owed[stream_id] = self.owed.get(stream_id, 0) + acknowledged_size

    def pay(self, stream_id: int) -> None:
        size = self.owed.pop(stream_id, 0)
        if size:
            super().acknowledge_received_data(size, stream_id)

    def backlog(self, stream_id: int) -> int:
        """Bytes of a stream that wait for the peer to open its window."""
        return sum(len(chunk.data) for chunk in self.stream_buffers.get(stream_id, ()))


class _Paced(Http2Connection):
    """What both legs share. `_exchange` tells the agent's stream id of one of our own."""

    h2_conn: PacedH2Connection
    _room: Room
    _waiting = False

    def _exchange(self, stream_id: int) -> int:
        return stream_id

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Wakeup) and isinstance(event.command, AwaitRoom):
            self._waiting = False
            yield from self._pay()
        else:
            yield from super()._handle_event(event)
        if self.h2_conn.owed and not self._waiting and self._handle_event != self.done:
            self._waiting = True
            yield AwaitRoom(self._payable)

    def _payable(self) -> bool:
        return any(self._room(self._exchange(stream_id)) for stream_id in self.h2_conn.owed)

    def _pay(self) -> Commands:
        for stream_id in [owed for owed in self.h2_conn.owed if self._room(self._exchange(owed))]:
            self.h2_conn.pay(stream_id)
        data = self.h2_conn.data_to_send()
        if data:
            yield commands.SendData(self.conn, data)


class AgentHttp2(_Paced, Http2Server):
    """The agent's side. Whoever begins requests only to break them off is hung up on (CVE-2023-44487)."""

    def __init__(self, context: Context, room: Room) -> None:
        Http2Server.__init__(self, context)
        self.h2_conn = PacedH2Connection(self.h2_conf)
        self._room = room
        self._pardons = PARDONED

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, ResponseEndOfMessage):
            self._pardons += 1
        yield from super()._handle_event(event)

    def handle_h2_event(self, event: h2.events.Event) -> Generator[commands.Command, Any, bool]:
        if isinstance(event, h2.events.StreamReset):
            self._pardons -= 1
            if self._pardons < 0:
                yield from self.protocol_error("too many streams were reset", ErrorCodes.ENHANCE_YOUR_CALM)
                return True
        return (yield from super().handle_h2_event(event))

    def backlog(self, exchange: int) -> int:
        return self.h2_conn.backlog(exchange)


class UpstreamHttp2(_Paced, Http2Client):
    """The upstream's side."""

    def __init__(self, context: Context, room: Room) -> None:
        Http2Client.__init__(self, context)
        self.h2_conn = PacedH2Connection(self.h2_conf)
        self.h2_conn.local_settings.enable_push = 0
        self.h2_conn.local_settings.acknowledge()
        self._room = room

    def _exchange(self, stream_id: int) -> int:
        return self.their_stream_id.get(stream_id, 0)

    def backlog(self, exchange: int) -> int:
        ours = self.our_stream_id.get(exchange)
        queued = sum(len(getattr(event, "data", b"")) for event in self.stream_queue.get(exchange, ()))
        return queued + (0 if ours is None else self.h2_conn.backlog(ours))
