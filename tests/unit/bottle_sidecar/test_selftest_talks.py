import socket
import ssl
from collections.abc import Iterator

import pytest

from support.http2_client import Http2Client
from support.selftest_upstream import Running, running

NUMBER = "0123456789ab"
UPGRADE = (
    b"GET /leak/0123456789ab HTTP/1.1\r\nHost: api.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.fixture
def upstream() -> Iterator[Running]:
    with running() as upstream:
        yield upstream


def test_http2_fields_and_data_are_kept(upstream: Running) -> None:
    context = ssl.create_default_context(cadata=upstream.told["ca_pem"])
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(upstream.secured) as plain,
        context.wrap_socket(plain, server_hostname="api.test") as stream,
    ):
        client = Http2Client(stream)
        answer = client.request("api.test", f"/leak/{NUMBER}/path", method="POST", body=b"the body")
        away = client.request("api.test", "/away")

    assert (away.status, away.headers["location"]) == (302, "https://elsewhere.test/")
    assert (answer.status, bytes(answer.body)) == (200, b"answered")
    assert upstream.arrived(NUMBER, b"/path", b"the body") == b"arrived"


def test_messages_pings_and_closes_are_kept(upstream: Running) -> None:
    unmasked = b"\0\0\0\0"
    with socket.create_connection(upstream.plain) as stream:
        stream.sendall(UPGRADE + b"\x01\x82" + unmasked + b"wo" + b"\x80\x82" + unmasked + b"rd")
        stream.sendall(b"\x89\x84" + unmasked + b"ping" + b"\x88\x86" + unmasked + b"\x03\xe8away")
        while stream.recv(1000):
            pass

    assert upstream.arrived(NUMBER, b"wordpingaway") == b"arrived"


def test_what_is_no_frame_ends_it(upstream: Running) -> None:
    with socket.create_connection(upstream.plain) as stream:
        stream.sendall(UPGRADE + b"\xff\xff\xff\xff")
        while stream.recv(1000):
            pass
