"""WebSockets: relayed both ways, credential injected on the upgrade, secrets masked in what comes back."""

import asyncio

from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, TextMessage

from bottle_sidecar.policy.document import Auth, AuthScheme
from support.egress import Begin, MakeRoute, Serve
from support.websocket_client import EchoServer, WebSocketClient

HOST = "api.test"
TOKEN = "sk-real-0123456789abcdef"
AUTH = Auth(scheme=AuthScheme.BEARER, token_ref="T")


def test_relay(start: Begin, serve: Serve, to: MakeRoute) -> None:
    server = EchoServer()
    sidecar = start(to(HOST, serve(HOST, raw=server)))
    with sidecar.secure(HOST) as connection:
        client = WebSocketClient(connection, HOST)
        assert isinstance(client.receive(), AcceptConnection)
        assert client.text() == "you are none!"
        client.send(TextMessage(data="hello \u20ac"))
        assert client.text() == "hello \u20ac"
        client.send(BytesMessage(data=b"x" * 3_000_000))
        size = 0
        while size < 3_000_000:
            event = client.receive()
            assert isinstance(event, BytesMessage)
            size += len(event.data)
        client.send(Ping(payload=b"p"))
        assert isinstance(client.receive(), Pong)
        client.send(CloseConnection(code=1000))
        assert isinstance(client.receive(), CloseConnection)
    assert server.upgrade is not None
    assert server.upgrade.target == "/chat"
    done = sidecar.told("done")
    assert (done["status"], done["messages_sent"], done["messages_received"]) == (101, 2, 3)
    assert done["outcome"] == "complete"
    assert 3_000_009 < done["sent"] < 3_001_000


def test_compressed(start: Begin, serve: Serve, to: MakeRoute) -> None:
    server = EchoServer(deflate=True)
    with start(to(HOST, serve(HOST, raw=server))).secure(HOST) as connection:
        client = WebSocketClient(connection, HOST, deflate=True)
        accepted = client.receive()
        assert isinstance(accepted, AcceptConnection)
        assert accepted.extensions
        assert client.text() == "you are none!"
        for _ in range(3):
            client.send(TextMessage(data="again and again " * 1000))
            assert client.text() == "again and again " * 1000


def test_injection_and_masking(start: Begin, serve: Serve, to: MakeRoute) -> None:
    server = EchoServer()
    sidecar = start(to(HOST, serve(HOST, raw=server), auth=AUTH), tokens={"T": TOKEN})
    with sidecar.secure(HOST) as connection:
        client = WebSocketClient(connection, HOST)
        client.receive()
        assert client.text() == f"you are Bearer {'*' * len(TOKEN)}!"
    assert server.upgrade is not None
    assert dict(server.upgrade.extra_headers)[b"authorization"] == f"Bearer {TOKEN}".encode()


def test_an_unknown_extension_is_not_negotiated(start: Begin, serve: Serve, to: MakeRoute) -> None:
    server = EchoServer()
    with start(to(HOST, serve(HOST, raw=server))).secure(HOST) as connection:
        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: api.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Extensions: x-other, permessage-deflate; client_max_window_bits\r\n\r\n"
        )
        assert connection.recv(12) == b"HTTP/1.1 101"
    assert server.upgrade is not None
    assert server.upgrade.extensions == ["permessage-deflate; client_max_window_bits"]


async def _switch_to_raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw bytes")
    await writer.drain()
    await reader.read(1)


def test_an_upstream_cannot_switch_to_something_else(start: Begin, serve: Serve, to: MakeRoute) -> None:
    sidecar = start(to(HOST, serve(HOST, raw=_switch_to_raw)))
    reply = sidecar.request(HOST)
    assert (reply.status, b"raw bytes" in reply.body) == (502, False)
