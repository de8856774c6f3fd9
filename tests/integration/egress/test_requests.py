"""What a permitted request looks like upstream, and what its answer looks like to the agent."""

import gzip
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from bottle_sidecar.policy.document import Auth, AuthScheme, Route, Scheme
from support.egress import Begin, MakeRoute, Serve
from support.http2_client import Http2Client
from support.sidecar import IDENTITY, Reply, read_reply
from support.upstreams import Answer, Seen, Upstream

HOST = "api.test"
TOKEN = "sk-real-0123456789abcdef"
PLACEHOLDER = "placeholder-0123456789"
BEARER = Auth(scheme=AuthScheme.BEARER, token_ref="T")
SECRETS = {"tokens": {"T": TOKEN}, "placeholders": {"T": PLACEHOLDER}}


def test_health(start: Begin) -> None:
    with start().connect() as connection:
        connection.sendall(b"GET http://sidecar.bottle/health HTTP/1.1\r\nHost: sidecar.bottle\r\n\r\n")
        assert read_reply(connection).document == {"identity": IDENTITY}


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_allowed(start: Begin, serve: Serve, to: MakeRoute, protocol: str) -> None:
    upstream = serve(HOST)
    with start(to(HOST, upstream)).secure(HOST, alpn=[protocol]) as connection:
        if protocol == "h2":
            assert (
                Http2Client(connection).request(HOST, "/a/b?c=d", method="POST", body=b"hello").status == 200
            )
        else:
            connection.sendall(b"POST /a/b?c=d HTTP/1.1\r\nHost: api.test\r\nContent-Length: 5\r\n\r\nhello")
            assert read_reply(connection).status == 200
    (seen,) = upstream.requests
    assert (seen.method, seen.target, seen.body, seen.sni) == ("POST", "/a/b?c=d", b"hello", HOST)
    assert seen.values("host") == [HOST]
    assert seen.version == ("2" if protocol == "h2" else "1.1")


def test_many_requests_share_a_connection(start: Begin, serve: Serve, to: MakeRoute) -> None:
    upstream = serve(HOST)
    sidecar = start(to(HOST, upstream))
    for protocol in ("http/1.1", "h2"):
        before = upstream.connections
        with sidecar.secure(HOST, alpn=[protocol]) as connection:
            client = Http2Client(connection) if protocol == "h2" else None
            for number in range(5):
                if client is not None:
                    assert client.request(HOST, f"/{number}").status == 200
                else:
                    connection.sendall(f"GET /{number} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
                    assert read_reply(connection).status == 200
        assert upstream.connections == before + 1


def test_plain_http_where_the_route_says_so(start: Begin, stack: ExitStack) -> None:
    upstream = stack.enter_context(Upstream(None))
    sidecar = start(Route(host="plain.test", scheme=Scheme.HTTP, address=upstream.address))
    with sidecar.connect() as connection:
        connection.sendall(
            b"GET http://plain.test/x?y HTTP/1.1\r\nHost: plain.test\r\nProxy-Connection: x\r\n\r\n"
        )
        assert read_reply(connection).status == 200
    assert (upstream.requests[0].target, upstream.requests[0].values("host")) == ("/x?y", ["plain.test"])
    with sidecar.tunnel("plain.test", 80) as connection:
        connection.sendall(b"GET /z HTTP/1.1\r\nHost: plain.test\r\n\r\n")
        assert read_reply(connection).status == 200


def test_rules_hold_for_each_request(start: Begin, serve: Serve, to: MakeRoute) -> None:
    upstream = serve(HOST)
    sidecar = start(to(HOST, upstream, path_allowlist=("/v1",), methods=("GET",)))
    with sidecar.secure(HOST) as connection:
        for head, status in [
            ("GET /v1/x", 200),
            ("GET /v10", 403),
            ("GET /v1/../admin", 403),
            ("GET /v1/%2e%2e/admin", 403),
            ("GET /v1/..%2fadmin", 403),
            ("GET //v1/x", 403),
            ("POST /v1/x", 403),
            ("GET /v1/y?q", 200),
        ]:
            connection.sendall(f"{head} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            assert read_reply(connection).status == status, head
    assert [seen.target for seen in upstream.requests] == ["/v1/x", "/v1/y?q"]


class TestCredentials:
    @pytest.mark.parametrize(
        ("auth", "injected"),
        [
            (BEARER, ("authorization", f"Bearer {TOKEN}")),
            (Auth(scheme=AuthScheme.TOKEN, token_ref="T"), ("authorization", f"token {TOKEN}")),
            (Auth(scheme=AuthScheme.HEADER, token_ref="T", header="X-Api-Key"), ("x-api-key", TOKEN)),
        ],
    )
    @pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
    def test_schemes(
        self, start: Begin, serve: Serve, to: MakeRoute, auth: Auth, injected: tuple[str, str], protocol: str
    ) -> None:
        upstream = serve(HOST)
        sidecar = start(to(HOST, upstream, auth=auth), **SECRETS)
        with sidecar.secure(HOST, alpn=[protocol]) as connection:
            if protocol == "h2":
                client = Http2Client(connection)
                head = [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/")]
                client.finish(
                    client.begin([*head, ("authorization", "Bearer made-up"), ("x-api-key", "made-up")])
                )
            else:
                connection.sendall(
                    b"GET / HTTP/1.1\r\nHost: api.test\r\n"
                    b"Authorization: Bearer made-up\r\nX-API-Key: made-up\r\n\r\n"
                )
                read_reply(connection)
        (seen,) = upstream.requests
        assert seen.values(injected[0]) == [injected[1]]
        assert "made-up" not in str(seen.headers)

    def test_the_placeholder_is_replaced_where_it_stands(
        self, start: Begin, serve: Serve, to: MakeRoute
    ) -> None:
        upstream = serve(HOST)
        start(to(HOST, upstream, auth=BEARER), **SECRETS).request(HOST, headers={"x-api-key": PLACEHOLDER})
        assert upstream.requests[0].values("x-api-key") == [TOKEN]
        assert not upstream.requests[0].values("authorization")

    def test_a_placeholder_does_not_go_elsewhere(self, start: Begin, serve: Serve, to: MakeRoute) -> None:
        upstream = serve(HOST, "other.test")
        sidecar = start(to(HOST, upstream, auth=BEARER), to("other.test", upstream), **SECRETS)
        for target, headers in [("/?k=" + PLACEHOLDER, {}), ("/", {"X": PLACEHOLDER})]:
            assert sidecar.request("other.test", target, headers=headers).rule == "dlp.honeytoken"
        assert not upstream.requests
        assert PLACEHOLDER not in sidecar.log.read_text()

    def test_the_agent_s_own_credential_passes_where_the_route_has_none(
        self, start: Begin, serve: Serve, to: MakeRoute
    ) -> None:
        upstream = serve(HOST)
        start(to(HOST, upstream)).request(HOST, headers={"Authorization": "Bearer agent"})
        assert upstream.requests[0].values("authorization") == ["Bearer agent"]

    @pytest.mark.parametrize("encoding", [None, "gzip"])
    @pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
    def test_a_secret_that_comes_back_is_masked(
        self, start: Begin, serve: Serve, to: MakeRoute, encoding: str | None, protocol: str
    ) -> None:
        async def reveal(seen: Seen) -> Answer:
            async def body() -> AsyncIterator[bytes]:
                text = f"{seen.values('authorization')} {TOKEN}".encode()
                whole = gzip.compress(text) if encoding else text
                for byte in whole:
                    yield bytes([byte])

            headers = [("location", f"https://x/?{TOKEN}"), ("x-token", TOKEN)]
            if encoding:
                headers.append(("content-encoding", encoding))
            return Answer(status=302, headers=headers, body=body())

        sidecar = start(to(HOST, serve(HOST, handler=reveal), auth=BEARER), **SECRETS)
        with sidecar.secure(HOST, alpn=[protocol]) as connection:
            if protocol == "h2":
                stream = Http2Client(connection).request(HOST)
                headers, body = stream.headers, bytes(stream.body)
            else:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
                reply = read_reply(connection)
                headers, body = dict(reply.headers), reply.body
        assert TOKEN not in str(headers)
        assert headers["x-token"] == "*" * len(TOKEN)
        assert body.count(b"*" * len(TOKEN)) == 2

    def test_upstreams_are_asked_not_to_compress(self, start: Begin, serve: Serve, to: MakeRoute) -> None:
        upstream = serve(HOST)
        sidecar = start(to(HOST, upstream, auth=BEARER), **SECRETS)
        sidecar.request(HOST, headers={"Accept-Encoding": "gzip, br"})
        assert upstream.requests[0].values("accept-encoding") == ["identity"]

    def test_an_encoding_that_is_not_known(self, start: Begin, serve: Serve, to: MakeRoute) -> None:
        async def odd(_: Seen) -> Answer:
            return Answer(headers=[("content-encoding", "compress")], body=TOKEN.encode())

        sidecar = start(to(HOST, serve(HOST, handler=odd), auth=BEARER), **SECRETS)
        assert sidecar.request(HOST).rule == "upstream.unreadable"

    def test_nothing_of_it_stands_in_the_log(self, start: Begin, serve: Serve, to: MakeRoute) -> None:
        sidecar = start(to(HOST, serve(HOST), auth=BEARER), **SECRETS)
        for target in (f"/{TOKEN}", f"/?x={TOKEN}", f"/{PLACEHOLDER}?{PLACEHOLDER}"):
            sidecar.request(HOST, target, headers={"Authorization": f"Bearer {PLACEHOLDER}"})
            sidecar.request("other.test", target)
        log = sidecar.log.read_text()
        assert TOKEN not in log
        assert PLACEHOLDER not in log
        assert len(sidecar.events) >= 6


class TestShapes:
    """Answers of every shape arrive as they were."""

    def reply(
        self, start: Begin, serve: Serve, to: MakeRoute, answer: Answer, *, method: str = "GET"
    ) -> Reply:
        async def say(_: Seen) -> Answer:
            return answer

        return start(to(HOST, serve(HOST, handler=say))).request(HOST, method=method)

    def test_head(self, start: Begin, serve: Serve, to: MakeRoute) -> None:
        answer = Answer(headers=[("content-length", "1000")], body=b"x" * 1000)
        reply = self.reply(start, serve, to, answer, method="HEAD")
        assert (reply.status, reply.headers["content-length"], reply.body) == (200, "1000", b"")

    @pytest.mark.parametrize("status", [204, 304])
    def test_no_body(self, start: Begin, serve: Serve, to: MakeRoute, status: int) -> None:
        assert self.reply(start, serve, to, Answer(status=status)).status == status

    def test_a_redirect_is_just_an_answer(self, start: Begin, serve: Serve, to: MakeRoute) -> None:
        reply = self.reply(
            start, serve, to, Answer(status=302, headers=[("location", "https://other.test/")])
        )
        assert (reply.status, reply.headers["location"]) == (302, "https://other.test/")

    def test_trailers_over_http2(self, start: Begin, serve: Serve, to: MakeRoute) -> None:
        async def say(_: Seen) -> Answer:
            return Answer(
                headers=[("content-type", "application/grpc")], body=b"x", trailers=[("grpc-status", "0")]
            )

        with start(to(HOST, serve(HOST, handler=say, protocols=("h2",)))).secure(
            HOST, alpn=["h2"]
        ) as connection:
            assert Http2Client(connection).request(HOST).trailers == {"grpc-status": "0"}

    def test_trailers_over_http1_do_no_harm(self, start: Begin, serve: Serve, to: MakeRoute) -> None:
        async def say(_: Seen) -> Answer:
            async def body() -> AsyncIterator[bytes]:
                yield b"x"

            return Answer(body=body(), trailers=[("x-late", "1")])

        reply = start(to(HOST, serve(HOST, handler=say))).request(HOST)
        assert (reply.status, reply.body) == (200, b"x")

    def test_expect_continue(self, start: Begin, serve: Serve, to: MakeRoute) -> None:
        upstream = serve(HOST)
        with start(to(HOST, upstream)).secure(HOST) as connection:
            connection.sendall(
                b"POST / HTTP/1.1\r\nHost: api.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
            )
            assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"hello")
            assert read_reply(connection).status == 200
        assert upstream.requests[0].body == b"hello"

    def test_an_old_client(self, start: Begin, serve: Serve, to: MakeRoute) -> None:
        async def say(_: Seen) -> Answer:
            async def body() -> AsyncIterator[bytes]:
                yield b"one "
                yield b"two"

            return Answer(body=body())

        sidecar = start(to(HOST, serve(HOST, handler=say)))
        reply = sidecar.raw(HOST, b"GET / HTTP/1.0\r\nHost: api.test\r\n\r\n")
        assert (reply.status, reply.body) == (200, b"one two")
