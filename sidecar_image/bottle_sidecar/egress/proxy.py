"""The egress proxy of one bottle: accepts the agent's connections and serves each, within limits.

mitmproxy supplies the protocol layers; its `Master`, addons and options are not used, since importing
them takes longer than everything else at start (docs/decisions/0040).
"""

import asyncio
import datetime as dt
import errno
import select
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from bottle_sidecar.control.handover import readable
from bottle_sidecar.control.protocol import Start
from bottle_sidecar.control.questions import Questions
from bottle_sidecar.egress.allowance import Allowance
from bottle_sidecar.egress.authority import Authority
from bottle_sidecar.egress.connection import AgentConnection, Services, Timeouts
from bottle_sidecar.egress.dial import READ_LIMIT, Dialer, Resolver, Streams
from bottle_sidecar.egress.exchanges import Exchanges
from bottle_sidecar.egress.guard import Guard
from bottle_sidecar.egress.inject import Injector
from bottle_sidecar.egress.inspect import Inspector
from bottle_sidecar.egress.journal import Journal
from bottle_sidecar.egress.meter import Meter, list_prices
from bottle_sidecar.egress.proxies import UpstreamProxy
from bottle_sidecar.egress.upstream import UpstreamTrust, certificates
from bottle_sidecar.policy.budget import Account
from bottle_sidecar.policy.dlp.rules import RuleSet
from bottle_sidecar.policy.leaks import BAIT
from bottle_sidecar.policy.screen import Screen

MAX_CONNECTIONS = 256
_PEEKED = 320  # bytes that tell whom a connection is for
_GLANCE = 0.01  # seconds between looks at a connection that says little; longer each time
_LONGEST_GLANCE = 0.5
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_BREATH = 0.1  # seconds to wait where the system has no descriptors left


class VirtualHost(Protocol):
    """Serves connections that ask for a host of the sidecar's own."""

    def wants(self, start: bytes) -> bool | None:
        """Whether a connection that starts so is one of them; None where it is too early to say."""
        ...

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...


class EgressProxy:
    """Made once a process. `serve` runs until cancelled."""

    def __init__(self, services: Services, *, capacity: int = MAX_CONNECTIONS) -> None:
        self._services = services
        self._host: VirtualHost | None = None
        self._capacity = asyncio.Semaphore(capacity)
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def authority(self) -> Authority:
        return self._services.authority

    def beside(self, host: VirtualHost) -> None:
        """From now on, connections that ask for `host` are given to it."""
        self._host = host

    async def serve(self, listener: socket.socket) -> None:
        """Accepts from `listener`, which it closes in the end. Connections past the limit wait."""
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                await self._capacity.acquire()
                try:
                    accepted, _ = await loop.sock_accept(listener)
                except OSError as error:
                    self._capacity.release()
                    if error.errno in _EXHAUSTED:
                        await asyncio.sleep(_BREATH)
                    continue
                except asyncio.CancelledError:
                    self._capacity.release()
                    raise
                task = loop.create_task(self._serve_one(accepted))
                self._serving.add(task)
                task.add_done_callback(self._done)

    def renew(self, tokens: Mapping[str, str]) -> None:
        """What leaves from now on leaves with these values. Those of other tokens stay."""
        self._services.guard.renew(tokens)

    def close(self) -> None:
        """Writes down the end of what is under way; the process ends with it."""
        self._services.exchanges.close()
        self._services.journal.close()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        self._capacity.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._services.journal.write("fault", reason=type(error).__name__)

    async def _serve_one(self, accepted: socket.socket) -> None:
        with suppress(OSError, TimeoutError):
            if self._host is not None and await self._wanted(self._host, accepted):
                await self._host.serve(*await _streams(accepted))
            else:
                await AgentConnection(await _streams(accepted), self._services).serve()

    async def _wanted(self, host: VirtualHost, accepted: socket.socket) -> bool:
        """Looks at how the connection starts, and leaves it unread."""
        try:
            async with asyncio.timeout(self._services.timeouts.idle):
                await readable(accepted)
                pause = _GLANCE
                while (wanted := host.wants(accepted.recv(_PEEKED, socket.MSG_PEEK))) is None:
                    if _hung_up(accepted):
                        return False
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_GLANCE)
                return wanted
        except BaseException:
            accepted.close()
            raise


def build(
    start: Start,
    *,
    system_cas: str,
    resolver: Resolver,
    rules: RuleSet,
    journal: Journal,
    questions: Questions,
) -> EgressProxy:
    """The proxy that `start` describes.

    Raises MissingTokenError where a route's token is absent, ValueError where a CA or the host's proxy
    cannot be read.
    """
    injector = Injector(tokens=start.tokens, placeholders=start.placeholders)
    injector.check(start.policy)
    for route in start.policy.routes:
        if route.ca_pem is not None and not certificates(route.ca_pem):
            raise ValueError(f"route {route.host}: its CA file holds no certificate")
    proxy = UpstreamProxy.parse(start.upstream_proxy, start.no_proxy) if start.upstream_proxy else None
    screen = Screen(
        secrets=(*injector.secrets(), *start.secrets, *(proxy.secrets if proxy else ())),
        honeytokens={**start.placeholders, **{BAIT + place: value for place, value in start.decoys.items()}},
        rules=rules,
    )
    exchanges = Exchanges(journal)
    account = Account(start.policy.budget, start.spent)
    meter = Meter(
        account,
        list_prices(),
        journal,
        wanting=Allowance(account, questions, journal).ask,
        noticed=lambda level: questions.tell(f"the budget comes to its end: {level}"),
    )
    services = Services(
        guard=Guard(
            start,
            injector=injector,
            inspector=Inspector(screen=screen, journal=journal),
            journal=journal,
            exchanges=exchanges,
            meter=meter,
        ),
        authority=Authority(start.identity, now=dt.datetime.now(dt.UTC)),
        trust=UpstreamTrust(system_cas),
        dialer=Dialer(resolver=resolver, proxy=proxy),
        journal=journal,
        exchanges=exchanges,
        timeouts=Timeouts(),
    )
    return EgressProxy(services)


def _hung_up(connection: socket.socket) -> bool:
    """Whether the other side sends no more. What it sent before hides that from a look at the bytes."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(0))


async def _streams(accepted: socket.socket) -> Streams:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=READ_LIMIT)
    protocol = asyncio.StreamReaderProtocol(reader)
    try:
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted)
    except BaseException:
        accepted.close()
        raise
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
