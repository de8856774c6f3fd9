"""Both ends of a WebSocket through the proxy, with wsproto."""

import asyncio
import ssl
from collections.abc import Iterator

import wsproto
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, Request, TextMessage
from wsproto.extensions import Extension, PerMessageDeflate


class EchoServer:
    """Greets with the Authorization it saw, then echoes. `extensions`: what it would agree to."""

    def __init__(self, *, deflate: bool = False) -> None:
        self._deflate = deflate
        self.upgrade: Request | None = None
        self._received = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        while data := await reader.read(65536):
            connection.receive_data(data)
            for event in connection.events():
                for answer in self._answers(event):
                    writer.write(connection.send(answer))
            await writer.drain()
            if connection.state is ConnectionState.CLOSED:
                return

    def received(self) -> str:
        """All that came, messages and control frames, as one text."""
        return self._received

    def _answers(self, event: wsproto.events.Event) -> Iterator[wsproto.events.Event]:
        match event:
            case Request():
                self.upgrade = event
                extensions: list[Extension] = [PerMessageDeflate()] if self._deflate else []
                yield AcceptConnection(extensions=extensions)
                credential = dict(event.extra_headers).get(b"authorization", b"none")
                yield TextMessage(data=f"you are {credential.decode()}!")
            case TextMessage():
                self._received += event.data
                yield TextMessage(data=event.data, message_finished=event.message_finished)
            case BytesMessage():
                self._received += bytes(event.data).decode("latin-1")
                yield BytesMessage(data=event.data, message_finished=event.message_finished)
            case Ping() | Pong():
                self._received += bytes(event.payload).decode("latin-1")
                if isinstance(event, Pong):
                    return
                yield event.response()
            case CloseConnection():
                self._received += event.reason or ""
                yield event.response()


class WebSocketClient:
    """An agent's end of a WebSocket."""

    def __init__(self, connection: ssl.SSLSocket, host: str, *, deflate: bool = False) -> None:
        self._socket = connection
        self._ws = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        extensions: list[Extension] = [PerMessageDeflate()] if deflate else []
        self.send(Request(host=host, target="/chat", extensions=extensions))

    def send(self, event: wsproto.events.Event) -> None:
        self._socket.sendall(self._ws.send(event))

    def receive(self) -> wsproto.events.Event:
        while True:
            for event in self._ws.events():
                return event
            data = self._socket.recv(65536)
            self._ws.receive_data(data or None)

    def text(self) -> str:
        whole = ""
        while True:
            event = self.receive()
            assert isinstance(event, TextMessage), event
            whole += event.data
            if event.message_finished:
                return whole
