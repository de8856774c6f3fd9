"""HTTP/2 and WebSockets as the servers of `bottle selftest` speak them: all that comes goes to the ledger."""

from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator, Mapping

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import wsproto
import wsproto.events
from wsproto.connection import ConnectionState
from wsproto.extensions import PerMessageDeflate

from bottle_sidecar.selftest_ledger import Ledger

Tell = Callable[[bytes], None]
"""Hears of a request or a message, as far as it is text."""


class WebSocketTalk:
    """One connection from its upgrade on; every message is answered with a short one."""

    def __init__(self, ledger: Ledger, target: str, tell: Tell) -> None:
        self._ledger = ledger
        self._target = target
        self._tell = tell
        self._connection = wsproto.WSConnection(wsproto.ConnectionType.SERVER)

    async def serve(self, reader: StreamReader, writer: StreamWriter, begun: bytes) -> None:
        """`begun`: the request for the upgrade, and what may have come behind it."""
        head, end, behind = begun.partition(b"\r\n\r\n")
        self._receive(writer, head + end)
        data = behind or await reader.read(65536)
        while data and self._receive(writer, data):
            await writer.drain()
            data = await reader.read(65536)

    def _receive(self, writer: StreamWriter, data: bytes) -> bool:
        """Whether the connection goes on."""
        self._connection.receive_data(data)
        for event in self._connection.events():
            for answer in self._answers(event):
                writer.write(self._connection.send(answer))
        return self._connection.state is ConnectionState.OPEN

    def _answers(self, event: wsproto.events.Event) -> Iterator[wsproto.events.Event]:
        match event:
            case wsproto.events.Request():
                yield wsproto.events.AcceptConnection(extensions=[PerMessageDeflate()])
            case wsproto.events.TextMessage(data=text):
                self._keep(text.encode())
                if event.message_finished:
                    yield wsproto.events.TextMessage(data="got it")
            case wsproto.events.BytesMessage(data=data):
                self._keep(bytes(data))
                if event.message_finished:
                    yield wsproto.events.TextMessage(data="got it")
            case wsproto.events.Ping() | wsproto.events.Pong():
                self._keep(bytes(event.payload))
                if isinstance(event, wsproto.events.Ping):
                    yield event.response()
            case wsproto.events.CloseConnection():
                self._keep((event.reason or "").encode())  # also what is wrong with a frame that is none
                yield event.response()

    def _keep(self, data: bytes) -> None:
        self._ledger.add(self._target, "messages", data)
        self._tell(data)


class Http2Talk:
    """One connection; each request is answered once it has ended. `redirects`: target -> location."""

    def __init__(self, ledger: Ledger, tell: Tell, redirects: Mapping[str, str]) -> None:
        self._redirects = redirects
        self._ledger = ledger
        self._tell = tell
        self._targets: dict[int, str] = {}
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self._connection = h2.connection.H2Connection(config)

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._connection.initiate_connection()
        while True:
            writer.write(self._connection.data_to_send())
            await writer.drain()
            data = await reader.read(65536)
            if not data:
                return
            try:
                for event in self._connection.receive_data(data):
                    self._take(event)
            except h2.exceptions.ProtocolError:
                return

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived() | h2.events.TrailersReceived():
                lines = b"".join(
                    b"%s: %s\r\n" % (bytes(name), bytes(value)) for name, value in event.headers or ()
                )
                fields = {bytes(name): bytes(value) for name, value in event.headers or ()}
                target = fields.get(b":path", b"").decode("latin-1")
                self._targets.setdefault(event.stream_id or 0, target)
                self._keep(event.stream_id, "fields", lines)
            case h2.events.DataReceived():
                self._keep(event.stream_id, "body", event.data or b"")
                length = event.flow_controlled_length or 0
                self._connection.acknowledge_received_data(length, event.stream_id or 0)
            case h2.events.StreamEnded():
                number = event.stream_id or 0
                location = self._redirects.get(self._targets.get(number, ""))
                head = (
                    [(":status", "200")] if location is None else [(":status", "302"), ("location", location)]
                )
                self._connection.send_headers(number, head)
                self._connection.send_data(number, b"answered", end_stream=True)

    def _keep(self, number: int | None, stream: str, data: bytes) -> None:
        self._ledger.add(self._targets.get(number or 0, ""), stream, data)
        self._tell(data)
