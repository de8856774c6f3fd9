"""Who is trusted upstream, who is trusted by the agent, and what may not pass a tunnel."""

import asyncio
import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest

from bottle_sidecar.policy.document import Auth, AuthScheme, Route
from support.certificates import CertificateAuthority
from support.egress import Begin, MakeRoute, Serve, Shared
from support.sidecar import Reply, Sidecar, read_all, read_reply
from support.upstreams import Upstream

HOST = "api.test"


class TestUpstream:
    def test_the_name_and_not_the_address_is_verified(
        self, start: Begin, serve: Serve, to: MakeRoute
    ) -> None:
        upstream = serve("other.test")
        reply = start(to(HOST, upstream)).request(HOST)
        assert (reply.status, reply.rule) == (502, "upstream.certificate")
        assert "ca_file" in reply.document["error"]["message"]
        assert not upstream.requests

    def test_a_ca_counts_for_its_route_alone(
        self, start: Begin, serve: Serve, to: MakeRoute, authority: CertificateAuthority
    ) -> None:
        upstream = serve(HOST, "other.test")
        sidecar = start(to(HOST, upstream), Route(host="other.test", address=upstream.address))
        assert sidecar.request(HOST).status == 200
        assert sidecar.request("other.test").rule == "upstream.certificate"

    def test_another_ca_for_the_same_name(self, start: Begin, serve: Serve, tmp_path: Path) -> None:
        upstream = serve(HOST)
        stranger = CertificateAuthority.create(tmp_path / "stranger")
        sidecar = start(Route(host=HOST, address=upstream.address, ca_pem=stranger.pem))
        assert sidecar.request(HOST).rule == "upstream.certificate"

    def test_no_tls_upstream(self, start: Begin, to: MakeRoute, stack: ExitStack) -> None:
        plain = stack.enter_context(Upstream(None))
        sidecar = start(Route(host=HOST, address=plain.address))
        assert sidecar.request(HOST).status == 502
        assert not plain.requests

    def test_a_dead_upstream(self, start: Begin) -> None:
        reply = start(Route(host=HOST, address="127.0.0.1:1")).request(HOST)
        assert (reply.status, reply.rule) == (502, "upstream.unreachable")

    def test_an_upstream_that_hangs_up(self, start: Begin, serve: Serve, to: MakeRoute) -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)

        assert start(to(HOST, serve(HOST, raw=hang_up))).request(HOST).status == 502

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
            b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
            b"SSH-2.0-OpenSSH\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"a" * 600_000 + b"\r\n\r\n",
        ],
    )
    def test_malformed_answers(self, start: Begin, serve: Serve, to: MakeRoute, answer: bytes) -> None:
        async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            await reader.read(1)

        assert start(to(HOST, serve(HOST, raw=speak))).request(HOST).status == 502

    def test_interim_answers_are_not_the_answer(self, start: Begin, serve: Serve, to: MakeRoute) -> None:
        async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
            await reader.read(1)

        assert start(to(HOST, serve(HOST, raw=speak))).request(HOST).status == 204


class TestTunnel:
    @pytest.mark.parametrize(
        "opening",
        [
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\x00\x00\x00\x08\x04\xd2\x16/",
            b"EHLO x\r\n",
            b"\x16\x03\x09\x00\x05hello",
        ],
    )
    def test_what_is_not_http_is_cut(self, shared: Shared, opening: bytes) -> None:
        sidecar, upstream = shared
        before = upstream.connections
        with sidecar.tunnel(HOST) as connection:
            connection.sendall(opening)
            answer = read_all(connection)
        assert not answer or answer.startswith((b"HTTP/1.1 400", b"\x15"))
        assert upstream.connections == before

    def test_what_is_not_http_within_tls_is_cut(self, shared: Shared) -> None:
        sidecar, upstream = shared
        before = upstream.connections
        with sidecar.secure(HOST, alpn=["ssh", "acme-tls/1"]) as connection:
            assert connection.selected_alpn_protocol() is None
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
            assert read_all(connection)[:12] in (b"", b"HTTP/1.1 400")
        assert upstream.connections == before

    def test_old_tls_is_not_spoken(self, shared: Shared) -> None:
        sidecar, _ = shared
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSVersion"):
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with sidecar.tunnel(HOST) as connection, pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(connection, server_hostname=HOST)


class TestPassthrough:
    @pytest.fixture
    def sidecar(self, start: Begin, serve: Serve) -> Sidecar:
        self.upstream = serve(HOST, "other.test")
        return start(Route(host=HOST, address=self.upstream.address, tls_passthrough=True))

    def secure(self, sidecar: Sidecar, authority: CertificateAuthority, name: str | None) -> ssl.SSLSocket:
        context = ssl.create_default_context(cadata=authority.pem)
        context.check_hostname = name is not None
        return context.wrap_socket(sidecar.tunnel(HOST), server_hostname=name)

    def test_the_agent_sees_the_upstream_itself(
        self, sidecar: Sidecar, authority: CertificateAuthority
    ) -> None:
        with self.secure(sidecar, authority, HOST) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\nAuthorization: agent's own\r\n\r\n")
            reply: Reply = read_reply(connection)
        assert reply.status == 200
        assert self.upstream.requests[0].values("authorization") == ["agent's own"]

    @pytest.mark.parametrize("name", ["other.test", None])
    def test_another_name_is_cut(
        self, sidecar: Sidecar, authority: CertificateAuthority, name: str | None
    ) -> None:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            self.secure(sidecar, authority, name)
        assert self.upstream.connections == 0

    def test_only_tls_passes(self, sidecar: Sidecar) -> None:
        for opening in (
            b"SSH-2.0-x\r\n",
            b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n",
            b"\x16\x03\x01" + b"\xff" * 80_000,
        ):
            with sidecar.tunnel(HOST) as connection:
                connection.sendall(opening)
                assert read_all(connection) == b""
        assert self.upstream.connections == 0

    def test_an_encrypted_name_is_cut(self, sidecar: Sidecar) -> None:
        with sidecar.tunnel(HOST) as connection:
            connection.sendall(_hello(HOST, encrypted=True))
            assert read_all(connection) == b""
        assert [event["rule"] for event in sidecar.events[1:]] == ["request.host-mismatch"]

    def test_the_same_hello_without_it_passes(self, sidecar: Sidecar) -> None:
        with sidecar.tunnel(HOST) as connection:
            connection.sendall(_hello(HOST, encrypted=False))
            read_all(connection)
        done = sidecar.told("done")
        assert [event["event"] for event in sidecar.events] == ["opened", "tunnel", "done"]
        assert done["sent"] == len(_hello(HOST, encrypted=False))

    def test_another_port(self, sidecar: Sidecar) -> None:
        with sidecar.connect() as connection:
            connection.sendall(b"CONNECT api.test:22 HTTP/1.1\r\nHost: api.test:22\r\n\r\n")
            assert read_reply(connection).rule == "route.port"


def _hello(name: str, *, encrypted: bool) -> bytes:
    """A ClientHello as bytes."""
    listed = b"\x00" + len(name).to_bytes(2, "big") + name.encode()
    extensions = b"\x00\x00" + (len(listed) + 2).to_bytes(2, "big") + len(listed).to_bytes(2, "big") + listed
    if encrypted:
        extensions += b"\xfe\x0d\x00\x04\x00\x00\x00\x00"
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\xc0\x2f" + b"\x01\x00"
    body += len(extensions).to_bytes(2, "big") + extensions
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(handshake).to_bytes(2, "big") + handshake


def test_every_route_that_needs_a_token_needs_it_at_start(start: Begin) -> None:
    auth = Auth(scheme=AuthScheme.BEARER, token_ref="T")
    with pytest.raises(Exception, match=r"route api.test.* T is empty"):
        start(Route(host=HOST, auth=auth))
