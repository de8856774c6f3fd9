"""One connection from the agent: the guard, the CA and the dialer answer what mitmproxy's layers ask."""

import asyncio
import re
import time
import traceback
from functools import partial
from typing import Any, Protocol

from attrs import field, frozen
from mitmproxy import flow as mitmflow
from mitmproxy import http
from mitmproxy.connection import Client, Connection, ConnectionState, Server
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import tls as tls_layers
from mitmproxy.proxy.layers import websocket as websocket_layers
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.proxy.layers.http import _hooks as http_hooks
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.tls import TlsData
from OpenSSL import SSL

from bottle_sidecar.egress.authority import Authority
from bottle_sidecar.egress.decoding import UnreadableBodyError
from bottle_sidecar.egress.dial import Dialer, Streams
from bottle_sidecar.egress.driver import Driver
from bottle_sidecar.egress.exchanges import Exchange, Exchanges, Outcome
from bottle_sidecar.egress.guard import Admitted, Guard, Tunnel
from bottle_sidecar.egress.http1 import Rejected
from bottle_sidecar.egress.journal import Journal
from bottle_sidecar.egress.passthrough import PassthroughLayer
from bottle_sidecar.egress.scan import BARRED, MESSAGES, BarredHook
from bottle_sidecar.egress.streams import EgressHttpLayer, ExchangeEndedHook, UpstreamFailedHook
from bottle_sidecar.egress.upstream import UpstreamTrust
from bottle_sidecar.egress.websockets import ANSWERS
from bottle_sidecar.policy.decide import ConnectAction

_REQUEST_START = re.compile(rb"[A-Z][A-Z-]{0,31}(?: |\Z)")
_TLS_START = 3  # bytes that tell a TLS record
_ADMITTED = "bottle.admitted"


class Answer(Protocol):
    """Answers one kind of hook by changing what it carries."""

    def __call__(self, *carried: Any) -> None: ...


@frozen(kw_only=True)
class Timeouts:
    """Seconds. `idle`: without an exchange in progress. `silent`: without a byte on any side."""

    idle: float = 120.0
    silent: float = 3600.0


@frozen(kw_only=True)
class LayerOptions:
    """The options that mitmproxy's layers read. What would open another way, or keep bodies, is off."""

    connection_strategy: str = "lazy"
    validate_inbound_headers: bool = True
    normalize_outbound_headers: bool = True
    websocket: bool = True
    rawtcp: bool = False
    stream_large_bodies: str | None = None
    body_size_limit: str | None = None
    store_streamed_bodies: bool = False
    http2_ping_keepalive: int = 0
    proxy_debug: bool = False


@frozen(kw_only=True)
class Services:
    """What all connections of a bottle share."""

    guard: Guard
    authority: Authority
    trust: UpstreamTrust
    dialer: Dialer
    journal: Journal
    exchanges: Exchanges
    timeouts: Timeouts = field(factory=Timeouts)
    options: LayerOptions = field(factory=LayerOptions)


class AgentConnection:
    """Serves one accepted connection until either side is done with it."""

    def __init__(self, streams: Streams, services: Services) -> None:
        self._services = services
        self._guard = services.guard
        client = Client(
            peername=("127.0.0.1", 0),
            sockname=("127.0.0.1", 0),
            timestamp_start=time.time(),
            proxy_mode=ProxyMode.parse("regular"),
            state=ConnectionState.OPEN,
        )
        context = Context(client, services.options)  # type: ignore[arg-type]  # the layers read attributes only
        self._exchanges = EgressHttpLayer(context, HTTPMode.regular, self._backlog)
        self._driver = Driver(client, streams, self._exchanges, self)
        self._tunnel: Tunnel | None = None
        self._relaying = False
        self._begun: set[Exchange] = set()
        self._answers: dict[type[commands.StartHook], Answer] = {
            layer.NextLayerHook: self._choose_layer,
            http_hooks.HttpConnectHook: self._on_connect,
            http_hooks.HttpRequestHeadersHook: self._on_request,
            http_hooks.HttpResponseHeadersHook: self._on_response_headers,
            http_hooks.HttpResponseHook: self._on_response,
            UpstreamFailedHook: self._on_upstream_failed,
            ExchangeEndedHook: self._on_ended,
            websocket_layers.WebsocketEndHook: self._on_websocket_end,
            BarredHook: self._on_barred,
            tls_layers.TlsStartClientHook: self._start_client_tls,
            tls_layers.TlsStartServerHook: self._start_server_tls,
            tls_layers.TlsEstablishedServerHook: self._server_settled,
            tls_layers.TlsFailedServerHook: self._server_settled,
            websocket_layers.WebsocketMessageHook: self._on_message,
        }

    async def serve(self) -> None:
        """Returns when the connection is over; every socket of it is closed then."""
        watch = asyncio.get_running_loop().create_task(self._watch())
        try:
            await self._driver.run()
        finally:
            watch.cancel()
            for exchange in list(self._begun):
                self._end(exchange, Outcome.COMPLETE if self._relaying else Outcome.ABORTED)

    def answer(self, hook: commands.StartHook) -> None:
        answer = self._answers.get(type(hook))
        if answer is not None:
            answer(*hook.args())

    async def dial(self, server: Connection) -> Streams:
        if not isinstance(server, Server) or server.address is None:
            raise TypeError("only a server with an address is dialled")
        host, port = server.address[:2]
        return await self._services.dialer.dial(self._guard.route(host), host, port)

    def told(self, message: commands.Log) -> None:
        if isinstance(message, Rejected):
            self._services.journal.write("refused", rule="request.malformed", reason=message.message)

    def is_paced(self, source: Connection) -> bool:
        return self._exchanges.is_paced(source)

    def congested(self, source: Connection) -> bool:
        return self._exchanges.congested(source)

    def faulted(self, error: Exception) -> None:
        if isinstance(error, UnreadableBodyError):
            self._services.journal.write("aborted", rule="upstream.unreadable", reason=str(error))
            return
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {last.name}, {last.filename.rpartition('/')[2]}:{last.lineno}"
        self._services.journal.write("fault", reason=where)

    async def _watch(self) -> None:
        """Ends a connection that does nothing: without an exchange, or without a byte for very long."""
        limits = self._services.timeouts
        last_busy = time.monotonic()
        while True:
            await asyncio.sleep(min(limits.idle, limits.silent) / 4)
            now = time.monotonic()
            if self._relaying or self._exchanges.busy():
                last_busy = now
            if now - last_busy > limits.idle or now - self._driver.last_byte > limits.silent:
                self._driver.abort()
                return

    def _choose_layer(self, choice: layer.NextLayer) -> None:
        """What speaks inside a tunnel: TLS, or HTTP; everything else is cut."""
        tunnel = self._tunnel
        data = bytes(choice.data_client())  # type: ignore[no-untyped-call]
        if tunnel is None:
            self._cut("data where no tunnel is")
        elif isinstance(choice.context.layers[-1], tls_layers.ClientTLSLayer):
            choice.layer = self._exchanges = self._tunnelled(choice.context)
        elif tunnel.verdict.action is ConnectAction.TUNNEL:
            choice.layer = PassthroughLayer(choice.context, partial(self._permit, tunnel))
        elif starts_like_tls_record(data):
            choice.context.server.tls = True
            choice.layer = tls_layers.ClientTLSLayer(choice.context)
        elif _REQUEST_START.match(data):
            choice.layer = self._exchanges = self._tunnelled(choice.context)
        elif len(data) >= _TLS_START or not data.startswith(b"\x16"):
            self._cut("neither TLS nor HTTP in a tunnel")

    def _tunnelled(self, context: Context) -> EgressHttpLayer:
        return EgressHttpLayer(context, HTTPMode.transparent, self._backlog)

    def _backlog(self, connection: Connection) -> int:
        return self._driver.backlog(connection)

    def _permit(self, tunnel: Tunnel, sni: str | None) -> Exchange | None:
        exchange = self._guard.tunnel(tunnel, sni)
        if exchange is not None:
            self._relaying = True
            self._begun.add(exchange)
        return exchange

    def _cut(self, reason: str) -> None:
        host = None if self._tunnel is None else self._tunnel.host
        self._services.journal.write("refused", host=host, rule="tunnel.not-http", reason=reason)
        self._driver.abort()

    def _on_connect(self, flow: http.HTTPFlow) -> None:
        self._tunnel = self._guard.connect(flow)

    def _on_request(self, flow: http.HTTPFlow) -> None:
        flow.request.stream = True
        admitted = flow.metadata[_ADMITTED] = self._guard.request(flow, self._tunnel)
        if admitted is not None:
            flow.request.stream = admitted.body
            self._begun.add(admitted.exchange)

    def _on_response_headers(self, flow: http.HTTPFlow) -> None:
        admitted = _admitted(flow)
        if admitted is None or flow.response is None:
            return
        admitted.exchange.status = flow.response.status_code
        if flow.response.status_code == 101:
            flow.metadata[MESSAGES] = self._guard.messages(admitted)
        try:
            self._guard.response(flow.response, admitted, flow.request)
        except UnreadableBodyError as error:
            flow.response = self._guard.unreadable(error, admitted)
            flow.response.stream = True
            flow.error = mitmflow.Error(str(error))

    def _on_response(self, flow: http.HTTPFlow) -> None:
        admitted = _admitted(flow)
        if admitted is not None and flow.response is not None:
            self._guard.trailers(flow.response, admitted)

    def _on_upstream_failed(self, flow: http.HTTPFlow) -> None:
        admitted = _admitted(flow)
        if admitted is not None and flow.error is not None:
            if admitted.metered is not None:
                admitted.metered.close(failed=True)
            flow.response = self._guard.failure(flow.error.msg, admitted)

    def _on_barred(self, flow: http.HTTPFlow) -> None:
        admitted = _admitted(flow)
        if admitted is not None:
            verdict = self._guard.barred(flow.metadata[BARRED], admitted)
            if admitted.metered is not None and flow.response is None:
                admitted.metered.close(failed=True)
            flow.error = mitmflow.Error(verdict.reason)
            flow.response = flow.response or self._guard.refused(verdict, admitted)

    def _on_ended(self, flow: http.HTTPFlow, outcome: Outcome) -> None:
        exchange = Exchange.of(flow)
        if exchange is not None:
            exchange.status = flow.response.status_code if flow.response is not None else None
            self._end(exchange, outcome)

    def _on_websocket_end(self, flow: http.HTTPFlow) -> None:
        self._on_ended(flow, Outcome.COMPLETE)

    def _end(self, exchange: Exchange, outcome: Outcome) -> None:
        self._begun.discard(exchange)
        self._services.exchanges.end(exchange, outcome)

    def _on_message(self, flow: http.HTTPFlow) -> None:
        """Masks a WebSocket message from upstream, drops one that may not leave, and keeps none."""
        admitted = _admitted(flow)
        if flow.websocket is None or admitted is None:
            return
        message = flow.websocket.messages.pop()
        admitted.exchange.message(from_agent=message.from_client)
        if not message.from_client:
            message.content = self._guard.message(message.content, admitted)
        elif (answer := self._guard.sent(message.content, admitted)) is not None:
            message.drop()  # type: ignore[no-untyped-call]
            flow.metadata.setdefault(ANSWERS, []).append(answer)

    def _start_client_tls(self, start: TlsData) -> None:
        host = start.context.client.sni or (self._tunnel.host if self._tunnel is not None else "")
        start.ssl_conn = SSL.Connection(self._services.authority.context(host))
        start.ssl_conn.set_accept_state()

    def _start_server_tls(self, start: TlsData) -> None:
        if not isinstance(start.conn, Server) or start.conn.address is None:
            raise TypeError("only a server with an address speaks TLS")
        host = start.conn.address[0]
        protocols = [b"h2", b"http/1.1"] if start.context.client.alpn == b"h2" else [b"http/1.1"]
        route = self._guard.route(host)
        start.ssl_conn = self._services.trust.connection(host, ca_pem=route.ca_pem, protocols=protocols)

    def _server_settled(self, settled: TlsData) -> None:
        self._driver.settled(settled.conn)


def _admitted(flow: http.HTTPFlow) -> Admitted | None:
    admitted = flow.metadata.get(_ADMITTED)
    return admitted if isinstance(admitted, Admitted) else None
