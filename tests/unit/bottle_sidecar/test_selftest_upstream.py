import socket
from collections.abc import Iterator

import pytest

from bottle.proc import end
from support.selftest_upstream import Running, running


@pytest.fixture
def upstream() -> Iterator[Running]:
    with running() as upstream:
        yield upstream


def test_it_tells_where_it_is(upstream: Running) -> None:
    assert set(upstream.told) == {"address", "plain_address", "git_address", "ca_pem", "host_pem"}
    assert "PRIVATE KEY" not in upstream.told["ca_pem"]
    assert "PRIVATE KEY" in upstream.told["host_pem"]


def test_it_gives_the_credential_back_in_every_way_and_redirects(upstream: Running) -> None:
    with upstream.get("/v1/echo", Authorization="Bearer abcdefg") as answer:
        assert answer.read() == b"Bearer abcdefg"
    with upstream.get("/v1/echo-header", Authorization="x") as answer:
        assert answer.headers["x-credential"] == "x"
    with upstream.get("/v1/echo-pieces") as answer:
        assert answer.read() == b"nothing"
    with upstream.get("/away") as answer:
        assert (answer.status, answer.headers["location"]) == (302, "https://elsewhere.test/")


def test_every_request_is_told_before_what_is_asked_after_it(upstream: Running) -> None:
    with upstream.get("/v1/a", Authorization="secret") as answer:
        answer.read()
    upstream.say("now")

    request = upstream.line()["request"]
    assert request.startswith("GET /v1/a HTTP/1.1\r\n")
    assert "Authorization: secret" in request
    assert upstream.line() == {"synced": "now"}


def test_what_is_no_request_is_told_too(upstream: Running) -> None:
    with socket.create_connection(upstream.plain) as stream:
        stream.sendall(b"SSH-2.0-forbidden\r\n\r\n")
        assert stream.recv(100) == b""

    assert "SSH-2.0-forbidden" in upstream.line()["request"]


def test_what_came_of_a_request_that_never_ended_is_known(upstream: Running) -> None:
    with socket.create_connection(upstream.plain) as stream:
        stream.sendall(b"POST /leak/0123456789ab HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nhalf of ")
        stream.sendall(b"it")
    upstream.say("now")
    while "synced" not in upstream.line():
        pass

    assert upstream.arrived("0123456789ab", b"half of it") == b"arrived"
    assert upstream.arrived("0123456789ab", b"half of it", b"the rest") == b"missing"
    assert upstream.arrived("0123456789aa", b"half of it") == b"missing"


def test_chunks_are_put_together(upstream: Running) -> None:
    with socket.create_connection(upstream.plain) as stream:
        head = b"POST /leak/0123456789ab HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        stream.sendall(head + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
        answer = b""
        while b"answered" not in answer:
            answer += stream.recv(1000)

    assert upstream.arrived("0123456789ab", b"ab") == b"arrived"


def test_it_ends_with_its_input(upstream: Running) -> None:
    end(upstream.process)

    assert upstream.process.returncode == 0


def test_a_websocket_tells_all_that_comes(upstream: Running) -> None:
    with socket.create_connection(upstream.plain) as connection:
        connection.sendall(
            b"GET /websocket HTTP/1.1\r\nHost: api.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with connection.makefile("rb") as answer:
            head = [line.strip() for line in iter(answer.readline, b"\r\n")]
            connection.sendall(b"anything")
            message = answer.read(10)

    assert head[0] == b"HTTP/1.1 101 Switching Protocols"
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head  # RFC 6455, 1.3
    assert message == b"\x81\x08answered"
    assert upstream.line()["request"].startswith("GET /websocket")
    assert upstream.line() == {"request": "anything"}
