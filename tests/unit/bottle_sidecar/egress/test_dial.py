"""Resolve, check, dial; with a resolver that says what a test wants, and real sockets."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

from bottle_sidecar.egress.dial import Dialer, DialError, DialFailure
from bottle_sidecar.egress.proxies import UpstreamProxy
from bottle_sidecar.policy.document import Route

HOST = "api.test"
ROUTE = Route(host=HOST)


class Scripted:
    """Answers each question with the next of its answers, and the last one for ever."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    await writer.drain()
    writer.close()


def dialled(
    resolver: Scripted, route: Callable[[int], Route], *, proxy: UpstreamProxy | None = None
) -> bytes:
    """Dials a listener on 127.0.0.1 as `route(its port)` says; what it sent."""

    async def run() -> bytes:
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await Dialer(resolver=resolver, proxy=proxy).dial(route(port), HOST, port)
            received = await reader.read()
            writer.close()
            await writer.wait_closed()
            return received

    return asyncio.run(run())


def failure(resolver: Scripted, route: Route = ROUTE, host: str = HOST, **keys: UpstreamProxy) -> DialError:
    with pytest.raises(DialError) as raised:
        asyncio.run(Dialer(resolver=resolver, **keys).dial(route, host, 1))
    return raised.value


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "fe80::1",
    ],
)
def test_special_addresses_are_never_dialled(address: str) -> None:
    error = failure(Scripted([address]))
    assert error.failure is DialFailure.FORBIDDEN
    assert HOST in str(error)


def test_a_name_that_changes_its_mind_gains_nothing() -> None:
    """Rebinding: the first answer is judged and dialled; a second is never asked for."""
    resolver = Scripted(["127.0.0.1"], ["127.0.0.2"])
    route = Route(host=HOST, ssrf_ip_allowlist=("127.0.0.1",))
    assert dialled(resolver, lambda _: route) == b"hello"
    assert resolver.asked == [HOST]


def test_a_private_address_among_public_ones_is_skipped() -> None:
    resolver = Scripted(["10.0.0.1", "127.0.0.1"])
    assert dialled(resolver, lambda _: Route(host=HOST, ssrf_ip_allowlist=("127.0.0.1",))) == b"hello"


def test_the_next_address_is_tried() -> None:
    resolver = Scripted(["127.0.0.9", "127.0.0.1"])
    assert dialled(resolver, lambda _: Route(host=HOST, ssrf_ip_allowlist=("127.0.0.0/8",))) == b"hello"


def test_an_address_is_dialled_instead_of_the_name() -> None:
    resolver = Scripted(OSError("not to be asked"))
    assert dialled(resolver, lambda port: Route(host=HOST, address=f"127.0.0.1:{port}")) == b"hello"
    assert resolver.asked == []


def test_an_address_may_be_a_name() -> None:
    resolver = Scripted(["127.0.0.1"])
    assert dialled(resolver, lambda port: Route(host=HOST, address=f"split.internal:{port}")) == b"hello"
    assert resolver.asked == ["split.internal"]


def test_an_address_literal_as_host_is_judged_too() -> None:
    assert failure(Scripted([]), Route(host="10.0.0.1"), "10.0.0.1").failure is DialFailure.FORBIDDEN


@pytest.mark.parametrize(
    "answer", [socket.gaierror(-2, "Name or service not known"), [], UnicodeError("label")]
)
def test_names_that_do_not_resolve(answer: Exception | list[str]) -> None:
    assert failure(Scripted(answer)).failure is DialFailure.UNRESOLVED


def test_nobody_listens() -> None:
    error = failure(Scripted(["127.0.0.1"]), Route(host=HOST, ssrf_ip_allowlist=("127.0.0.1",)))
    assert error.failure is DialFailure.UNREACHABLE
    assert "refused" in str(error)


class Proxy:
    """The host's own proxy: answers CONNECT, then greets."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> None:
        self._answer = answer
        self.head = b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            self.head = await reader.readuntil(b"\r\n\r\n")
        writer.write(self._answer + b"hello")
        await writer.drain()
        writer.close()

    def through(self, route: Route, host: str, *, credentials: str = "") -> bytes:
        async def run() -> bytes:
            server = await asyncio.start_server(self, "127.0.0.1", 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                proxy = UpstreamProxy.parse(f"http://{credentials}127.0.0.1:{port}", None)
                dialer = Dialer(resolver=Scripted(OSError("not to be asked")), proxy=proxy)
                reader, writer = await dialer.dial(route, host, 443)
                received = await reader.read()
                writer.close()
                return received

        return asyncio.run(run())


class TestHostProxy:
    def test_it_gets_a_connect_and_its_credentials(self) -> None:
        proxy = Proxy()
        assert proxy.through(ROUTE, HOST, credentials="me:p%40ss@") == b"hello"
        assert proxy.head.startswith(b"CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n")
        assert b"Proxy-Authorization: Basic bWU6cEBzcw==\r\n" in proxy.head

    @pytest.mark.parametrize(
        "host", ["localhost.evil.local", "intranet", "db.internal", "10.0.0.1", "169.254.169.254", "fd00::1"]
    )
    def test_private_names_are_not_given_to_it(self, host: str) -> None:
        proxy = Proxy()
        with pytest.raises(DialError) as raised:
            proxy.through(Route(host=host), host)
        assert raised.value.failure is DialFailure.FORBIDDEN
        assert not proxy.head

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            b"HTTP/1.1 2000 OK\r\n\r\n",
            b"SSH\r\n\r\n",
            b"",
        ],
    )
    def test_its_refusals(self, answer: bytes) -> None:
        with pytest.raises(DialError) as raised:
            Proxy(answer).through(ROUTE, HOST, credentials="me:secret@")
        assert raised.value.failure is DialFailure.PROXY
        assert "secret" not in str(raised.value)

    def test_loopback_is_dialled_directly(self) -> None:
        proxy = UpstreamProxy.parse("http://127.0.0.1:1", None)
        resolver = Scripted(OSError("not to be asked"))
        route = dialled(resolver, lambda port: Route(host=HOST, address=f"127.0.0.1:{port}"), proxy=proxy)
        assert route == b"hello"
