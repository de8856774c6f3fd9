"""A host whose only way out is a proxy of its own."""

import asyncio
from contextlib import ExitStack

import pytest

from bottle_sidecar.policy.document import Route
from support.egress import Begin, MakeRoute, Serve
from support.upstreams import Upstream

HOST = "api.test"


class Chain:
    """The host's proxy: sends every CONNECT to one upstream, or answers it with `refusal`."""

    def __init__(self, upstream: Upstream, *, refusal: bytes = b"") -> None:
        self._upstream = upstream
        self._refusal = refusal
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        if self._refusal:
            writer.write(self._refusal)
            return
        there, onward = await asyncio.open_connection("127.0.0.1", self._upstream.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_copy(reader, onward), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def test_requests_go_through_it(start: Begin, serve: Serve, to: MakeRoute, stack: ExitStack) -> None:
    upstream = serve(HOST)
    chain = Chain(upstream)
    proxy = stack.enter_context(Upstream(None, raw=chain))
    route = Route(host=HOST, ca_pem=to(HOST, upstream).ca_pem)
    sidecar = start(route, upstream_proxy=f"http://me:pass%20word@{proxy.address}")
    assert sidecar.request(HOST).status == 200
    assert chain.heads[0].startswith(b"CONNECT api.test:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6cGFzcyB3b3Jk\r\n" in chain.heads[0]
    assert not upstream.requests[0].values("proxy-authorization")
    assert "pass" not in sidecar.log.read_text()


def test_its_certificate_rules_do_not_change(start: Begin, serve: Serve, stack: ExitStack) -> None:
    proxy = stack.enter_context(Upstream(None, raw=Chain(serve(HOST))))
    sidecar = start(Route(host=HOST), upstream_proxy=f"http://{proxy.address}")
    assert sidecar.request(HOST).rule == "upstream.certificate"


@pytest.mark.parametrize("host", ["db.internal", "intranet", "10.0.0.1", "169.254.169.254"])
def test_private_places_are_not_asked_of_it(start: Begin, serve: Serve, stack: ExitStack, host: str) -> None:
    chain = Chain(serve(HOST))
    proxy = stack.enter_context(Upstream(None, raw=chain))
    sidecar = start(Route(host=host), upstream_proxy=f"http://{proxy.address}")
    reply = sidecar.request(host)
    assert (reply.status, reply.rule) == (403, "address.private")
    assert not chain.heads


def test_its_refusal_is_told(start: Begin, serve: Serve, stack: ExitStack) -> None:
    chain = Chain(serve(HOST), refusal=b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    proxy = stack.enter_context(Upstream(None, raw=chain))
    reply = start(Route(host=HOST), upstream_proxy=f"http://{proxy.address}").request(HOST)
    assert (reply.status, reply.rule) == (502, "upstream.host-proxy-failed")
    assert "407" in reply.document["error"]["message"]


def test_no_proxy_and_address(start: Begin, serve: Serve, to: MakeRoute) -> None:
    """An address on the loopback interface is dialled directly."""
    upstream = serve(HOST)
    assert start(to(HOST, upstream), upstream_proxy="http://127.0.0.1:1").request(HOST).status == 200


def test_a_name_of_this_machine_is_refused_without_a_proxy(start: Begin) -> None:
    reply = start(Route(host="localhost")).request("localhost")
    assert (reply.status, reply.rule) == (403, "address.private")
