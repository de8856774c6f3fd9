"""Default deny, on every way a request can come in; and that each of the four names must be the same."""

import pytest

from bottle_sidecar.policy.document import Scheme
from support.egress import Begin, MakeRoute, Serve
from support.http2_client import Headers, Http2Client
from support.sidecar import IDENTITY, Sidecar, read_all, read_reply

HOST = "api.test"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def test_a_host_without_a_route_is_refused_inside_the_tunnel(start: Begin) -> None:
    reply = start().request("other.test", "/secret?key=value")
    assert reply.status == 403
    assert reply.headers["content-type"] == "application/json"
    assert reply.rule == "route.unknown-host"
    assert IDENTITY in reply.document["refused_by"]
    assert "other.test" in reply.document["how_to_ask"]
    assert b"value" not in reply.body


def test_over_http2_too(start: Begin) -> None:
    with start().secure("other.test", alpn=["h2"]) as connection:
        stream = Http2Client(connection).request("other.test")
    assert stream.status == 403
    assert b"route.unknown-host" in stream.body


def test_a_refused_upload_is_answered_at_once_and_thrown_away(start: Begin) -> None:
    sidecar = start()
    with sidecar.secure("other.test") as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: other.test\r\nContent-Length: 10000000\r\n\r\n")
        assert read_reply(connection).status == 403
        connection.sendall(b"x" * 10_000_000)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n")
        assert read_reply(connection).status == 403


def test_a_websocket_is_refused_with_403(start: Begin) -> None:
    assert start().request("other.test", headers=UPGRADE).status == 403


def test_expect_continue_is_not_encouraged_where_it_is_refused(start: Begin) -> None:
    reply = start().request(
        "other.test", method="POST", headers={"Expect": "100-continue", "Content-Length": "0"}
    )
    assert reply.status == 403


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("http://other.test/", "route.unknown-host"),
        ("http://api.test/", "route.scheme"),
        ("https://api.test/", "route.scheme"),
        ("http://127.0.0.1:22/", None),
        ("http://[::1]/", None),
        ("http://plain.test:8080/", "route.port"),
        ("http://user:pw@plain.test/", None),
    ],
)
def test_absolute_form(start: Begin, serve: Serve, to: MakeRoute, target: str, rule: str | None) -> None:
    plain = serve(HOST, "plain.test")
    sidecar = start(to(HOST, plain), to("plain.test", plain, scheme=Scheme.HTTP))
    with sidecar.connect() as connection:
        host = target.split("/")[2]
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        reply = read_reply(connection)
    assert reply.status in (400, 403)
    if rule is not None:
        assert reply.rule == rule
    assert plain.connections == 0


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: sidecar.bottle\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: api.test\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"\x05\x01\x00\r\n\r\n",
        b"CONNECT api.test HTTP/1.1\r\n\r\n",
        b"CONNECT 2130706433:443 HTTP/1.1\r\n\r\n",
        b"CONNECT api.test:0 HTTP/1.1\r\n\r\n",
        b"CONNECT api.test:443:443 HTTP/1.1\r\n\r\n",
        b"CONNECT [fe80::1%25lo]:443 HTTP/1.1\r\n\r\n",
        b"CONNECT api.test\x00.evil:443 HTTP/1.1\r\n\r\n",
        b"CONNECT http://api.test/ HTTP/1.1\r\n\r\n",
    ],
)
def test_misuse_of_the_proxy_port(start: Begin, serve: Serve, to: MakeRoute, request_bytes: bytes) -> None:
    upstream = serve(HOST)
    with start(to(HOST, upstream)).connect() as connection:
        connection.sendall(request_bytes)
        connection.shutdown(1)
        answer = read_all(connection)
    assert not answer or answer.split(b" ")[1] in (b"400", b"403")
    assert upstream.connections == 0


def test_the_sidecar_has_nothing_but_health(start: Begin) -> None:
    with start().connect() as connection:
        connection.sendall(b"GET http://sidecar.bottle/ HTTP/1.1\r\nHost: sidecar.bottle\r\n\r\n")
        assert read_reply(connection).status == 404


def test_another_port_of_an_allowed_host(start: Begin, serve: Serve, to: MakeRoute) -> None:
    upstream = serve(HOST)
    sidecar = start(to(HOST, upstream))
    with sidecar.tunnel(HOST, 8443) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
        assert read_reply(connection).status == 403
    assert upstream.connections == 0


def test_plain_http_in_a_tunnel_to_an_https_route(start: Begin, serve: Serve, to: MakeRoute) -> None:
    upstream = serve(HOST)
    with start(to(HOST, upstream)).tunnel(HOST) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
        assert read_reply(connection).rule in ("route.scheme", "route.port")
    assert upstream.connections == 0


class TestAgreement:
    """CONNECT host, SNI, Host or :authority, and route."""

    @pytest.fixture
    def sidecar(self, start: Begin, serve: Serve, to: MakeRoute) -> Sidecar:
        self.upstream = serve(HOST, "other.test", "denied.test")
        return start(to(HOST, self.upstream), to("other.test", self.upstream))

    def test_sni(self, sidecar: Sidecar) -> None:
        with sidecar.secure(HOST, sni="other.test") as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
            assert read_reply(connection).rule == "request.host-mismatch"
        assert self.upstream.connections == 0

    def test_denied_connect_with_an_allowed_sni_and_host(self, sidecar: Sidecar) -> None:
        with sidecar.secure("denied.test", sni=HOST) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
            assert read_reply(connection).status == 403
        assert self.upstream.connections == 0

    @pytest.mark.parametrize(
        "head",
        [
            b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: api.test\r\nHost: other.test\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: other.test\r\nHost: api.test\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
            b"GET https://other.test/ HTTP/1.1\r\nHost: api.test\r\n\r\n",
            b"GET https://api.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n",
            b"GET http://api.test/ HTTP/1.1\r\nHost: api.test\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: api.test:8443\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: api.test@other.test\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: api.test,other.test\r\n\r\n",
            b"CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n",
        ],
    )
    def test_every_request_of_a_connection(self, sidecar: Sidecar, head: bytes) -> None:
        with sidecar.secure(HOST) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
            assert read_reply(connection).status == 200
            connection.sendall(head)
            assert read_reply(connection).status in (400, 403)
        assert len(self.upstream.requests) == 1

    def test_absolute_form_inside_the_tunnel_goes_on_in_origin_form(self, sidecar: Sidecar) -> None:
        with sidecar.secure(HOST) as connection:
            connection.sendall(b"GET https://api.test/x HTTP/1.1\r\nHost: API.test.\r\n\r\n")
            assert read_reply(connection).status == 200
        assert self.upstream.requests[0].target == "/x"
        assert self.upstream.requests[0].values("host") == [HOST]

    @pytest.mark.parametrize(
        "head",
        [
            [(":authority", "other.test"), (":path", "/")],
            [(":authority", HOST), (":path", "/"), ("host", "other.test")],
            [(":path", "/"), ("host", "other.test")],
            [(":path", "/")],
            [(":authority", f"user@{HOST}"), (":path", "/")],
            [(":authority", HOST), (":path", "https://other.test/")],
            [(":authority", HOST), (":path", "*")],
            [(":scheme", "http"), (":authority", HOST), (":path", "/")],
        ],
    )
    def test_http2(self, sidecar: Sidecar, head: Headers) -> None:
        with sidecar.secure(HOST, alpn=["h2"]) as connection:
            client = Http2Client(connection)
            assert client.request(HOST).status == 200
            scheme = [] if head[0][0] == ":scheme" else [(":scheme", "https")]
            stream = client.finish(client.begin([(":method", "GET"), *scheme, *head]))
        assert stream.reset is not None or not stream.headers or stream.status in (400, 403)
        assert len(self.upstream.requests) == 1
