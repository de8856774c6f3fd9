"""One HTTP exchange, and the layer that holds a connection's exchanges: mitmproxy's, always streaming.

An exchange that is answered here (refused, or its upstream failed) is answered at once; the rest of
its request body is read and thrown away, never kept.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from mitmproxy import flow as mitmflow
from mitmproxy import http
from mitmproxy.connection import Connection, Server
from mitmproxy.net.http import status_codes
from mitmproxy.proxy import commands, events, tunnel
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers import tls
from mitmproxy.proxy.layers.http import (
    DropStream,
    GetHttpConnection,
    GetHttpConnectionCompleted,
    HttpLayer,
    HTTPMode,
    HttpStream,
    RegisterHttpConnection,
    SendHttp,
)
from mitmproxy.proxy.layers.http._base import HttpConnection
from mitmproxy.proxy.layers.http._events import (
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook

from bottle_sidecar.egress import hygiene, refusal
from bottle_sidecar.egress.decoding import UnreadableBodyError
from bottle_sidecar.egress.exchanges import Exchange, Outcome
from bottle_sidecar.egress.http1 import AgentHttp1, Rejected, UpstreamHttp1
from bottle_sidecar.egress.http2 import BACKLOG, AgentHttp2, UpstreamHttp2
from bottle_sidecar.egress.scan import BARRED, BarredHook
from bottle_sidecar.egress.websockets import BoundedWebsocketLayer
from bottle_sidecar.policy.screen import LeakError

Commands = Generator[commands.Command, Any, None]
Decision = Generator[commands.Command, Any, bool]
Backlog = Callable[[Connection], int]


class UpstreamFailedHook(HttpErrorHook):  # type: ignore[no-untyped-call]
    """There is no upstream connection for a flow; `flow.error` says why. The flow gets a response."""


@dataclass
class ExchangeEndedHook(HttpErrorHook):  # type: ignore[no-untyped-call]
    """Nothing of a flow will come any more. Of a flow whose connection breaks it need not be said."""

    outcome: Outcome


class EgressStream(HttpStream):
    """One exchange."""

    _bodiless = False

    def state_wait_for_request_headers(self, event: RequestHeaders) -> Commands:
        self._bodiless = event.end_stream
        yield from super().state_wait_for_request_headers(event)

    def check_invalid(self, request: bool) -> Decision:  # noqa: FBT001 - overrides mitmproxy's
        problem = self._request_problem() if request else self._response_problem()
        if problem is None:
            return False
        yield Rejected(f"malformed {'request' if request else 'response'}: {problem}")
        if request:
            response = refusal.malformed(problem)
            if not self.flow.request.is_http2:
                response.headers["connection"] = "close"
            yield from self._answer(response)
        else:
            yield commands.CloseConnection(self.flow.server_conn)
            yield from self._answer(
                refusal.malformed(f"the upstream's answer is malformed: {problem}", status=502)
            )
        return True

    def start_request_stream(self) -> Commands:
        if self.flow.response is not None:
            yield from self._answer(self.flow.response)
            return
        yield from super().start_request_stream()

    def state_stream_request_body(
        self, event: RequestData | RequestTrailers | RequestEndOfMessage
    ) -> Commands:
        """Trailers are dropped: no rule has seen them, and no agent needs them."""
        if isinstance(event, RequestTrailers):
            return
        try:
            yield from super().state_stream_request_body(event)
        except (LeakError, UnreadableBodyError) as error:
            yield from self._bar(error)

    def _bar(self, error: Exception) -> Commands:
        """Ends an exchange whose body must not leave: upstream it stays a fragment, the agent is told why."""
        unanswered = self.server_state in (self.state_uninitialized, self.state_wait_for_response_headers)
        self.flow.metadata[BARRED] = error
        yield BarredHook(self.flow)
        cancelled = RequestProtocolError(self.stream_id, "refused", code=status_codes.CLIENT_CLOSED_REQUEST)
        yield SendHttp(cancelled, self.context.server)
        if unanswered and self.flow.response is not None:
            yield from self._answer(self.flow.response)
            return
        yield ExchangeEndedHook(self.flow, Outcome.ABORTED)
        yield SendHttp(ResponseProtocolError(self.stream_id, "refused"), self.context.client)
        self.flow.live = False
        self.client_state = self.server_state = self.state_errored
        yield DropStream(self.stream_id)

    def make_server_connection(self) -> Decision:
        connection, error = yield GetHttpConnection(
            (self.flow.request.host, self.flow.request.port),
            self.flow.request.scheme == "https",
            self.flow.server_conn.via,
            self.flow.server_conn.transport_protocol,
        )
        if error:
            yield from self._fail(error)
            return False
        self.context.server = self.flow.server_conn = connection
        return True

    def start_response_stream(self) -> Commands:
        if self.flow.error is not None and self.flow.response is not None:
            yield commands.CloseConnection(self.flow.server_conn)
            yield from self._answer(self.flow.response)
            return
        yield from super().start_response_stream()

    def handle_protocol_error(self, event: RequestProtocolError | ResponseProtocolError) -> Commands:
        answered = self.server_state not in (self.state_uninitialized, self.state_wait_for_response_headers)
        if isinstance(event, RequestProtocolError) or answered or self.client_state == self.state_errored:
            yield from super().handle_protocol_error(event)
            yield ExchangeEndedHook(self.flow, Outcome.ABORTED)
            return
        yield from self._fail(event.message)

    def flow_done(self) -> Commands:
        if self.flow.websocket is None:
            yield ExchangeEndedHook(self.flow, Outcome.COMPLETE)
            yield from super().flow_done()
            return
        self.child_layer = BoundedWebsocketLayer(self.context, self.flow)
        self._handle_event = self.passthrough
        yield from self.child_layer.handle_event(events.Start())
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)

    def _request_problem(self) -> str | None:
        request = self.flow.request
        fields = request.headers.fields
        old = request.http_version == "HTTP/1.0"
        return self._misplaced() or hygiene.fields_problem(fields) or hygiene.framing_problem(fields, old=old)

    def _misplaced(self) -> str | None:
        """Why a request is out of place where it came, or announces what it does not bring."""
        request = self.flow.request
        expect, length = request.headers.get("expect", ""), request.headers.get("content-length", "0")
        if self.mode is HTTPMode.regular and request.method != "CONNECT" and not request.authority:
            problem = "this is a proxy: it takes CONNECT and requests for whole URLs"
        elif self.mode is HTTPMode.transparent and request.method == "CONNECT":
            problem = "CONNECT inside a tunnel"
        elif request.scheme not in ("http", "https", ""):
            problem = "its scheme is neither https nor http"
        elif self.mode is HTTPMode.transparent and request.scheme not in ("", self._spoken):
            problem = "its scheme is not that of its connection"
        elif expect.lower() not in ("", "100-continue"):
            problem = "its Expect header is not 100-continue"
        elif request.is_http2 and "transfer-encoding" in request.headers:
            problem = "HTTP/2 has no Transfer-Encoding"
        elif request.is_http2 and self._bodiless and length != "0":
            problem = "its Content-Length announces a body that does not come"
        else:
            problem = None
        return problem

    @property
    def _spoken(self) -> str:
        """The scheme by which the agent speaks in a tunnel."""
        return "https" if self.context.client.tls else "http"

    def _response_problem(self) -> str | None:
        response = self.flow.response
        if response is None:
            return "it is missing"
        fields = response.headers.fields
        if response.status_code == 101 and "upgrade" not in self.flow.request.headers:
            return "it switches protocols without being asked"
        if response.status_code in (101, 204) and "transfer-encoding" in response.headers:
            return "it has a body that its status does not allow"
        return hygiene.fields_problem(fields) or hygiene.framing_problem(
            fields, old=response.http_version == "HTTP/1.0"
        )

    def _fail(self, message: str) -> Commands:
        self.flow.error = mitmflow.Error(message)
        yield UpstreamFailedHook(self.flow)
        response = self.flow.response or refusal.malformed("the upstream failed", status=502)
        yield from self._answer(response)

    def _answer(self, response: http.Response) -> Commands:
        self.flow.response = response
        yield ExchangeEndedHook(self.flow, Outcome.ANSWERED)
        content = b"" if self.flow.request.method == "HEAD" else response.raw_content or b""
        yield SendHttp(ResponseHeaders(self.stream_id, response, end_stream=not content), self.context.client)
        if content:
            yield SendHttp(ResponseData(self.stream_id, content), self.context.client)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        self.flow.live = False
        self.client_state = self.server_state = self.state_errored
        yield DropStream(self.stream_id)


class EgressHttpLayer(HttpLayer):
    """The exchanges of one client connection, or of one tunnel in it.

    `backlog` tells how many bytes wait in the socket of a connection.
    """

    def __init__(self, context: Context, mode: HTTPMode, backlog: Backlog) -> None:
        super().__init__(context, mode)
        self._backlog = backlog
        self._legs: dict[Connection, AgentHttp2 | UpstreamHttp2] = {}

    def busy(self) -> bool:
        """Whether an exchange is in progress; a tunnel is not one."""
        return any(stream.child_layer is None or stream.flow.websocket for stream in self.streams.values())

    def congested(self, source: Connection) -> bool:
        """Whether what comes from `source` over HTTP/1 finds its reader's HTTP/2 window shut."""
        agent = self._legs.get(self.context.client)
        if agent is None or source in self._legs:
            return False
        return any(
            agent.backlog(stream_id) > BACKLOG
            for stream_id, stream in self.streams.items()
            if stream.context.server is source
        )

    def is_paced(self, connection: Connection) -> bool:
        """Whether flow control bounds what comes from a connection."""
        return connection in self._legs

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Start):
            self.connections[self.context.client] = self._speak(self.context.client, self.context.fork())
        yield from super()._handle_event(event)

    def event_to_child(self, child: Layer | HttpStream, event: events.Event) -> Commands:
        """Counts what of a body goes on to either side, behind all that may hold or change it."""
        if isinstance(event, RequestData | ResponseData) and not isinstance(child, HttpStream):
            stream = self.streams.get(event.stream_id)
            exchange = None if stream is None else Exchange.of(stream.flow)
            if exchange is not None:
                exchange.passed(len(event.data), from_agent=isinstance(event, RequestData))
        yield from super().event_to_child(child, event)

    def make_stream(self, stream_id: int) -> Commands:
        self.streams[stream_id] = EgressStream(self.context.fork(), stream_id)
        yield from self.event_to_child(self.streams[stream_id], events.Start())

    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> Commands:
        usable = self._usable(event) if reuse else None
        if usable is None:
            yield from self._open(event)
        elif usable in self.waiting_for_establishment:
            self.waiting_for_establishment[usable].append(event)
        else:
            stream = self.command_sources.pop(event)
            yield from self.event_to_child(stream, GetHttpConnectionCompleted(event, (usable, None)))

    def _usable(self, event: GetHttpConnection) -> Server | None:
        """A connection to the same place that is being made, or can take one more request."""
        downgrade = self.context.client.alpn == b"h2"
        for connection in self.connections:
            if not isinstance(connection, Server) or not event.connection_spec_matches(connection):
                continue
            if connection in self.waiting_for_establishment:
                return connection
            if connection.connected and not (downgrade and connection.alpn != b"h2"):
                return connection
        return None

    def _open(self, event: GetHttpConnection) -> Commands:
        context = self.context.fork()
        context.server = Server(address=event.address)
        context.server.sni = event.address[0]
        stack = tunnel.LayerStack()
        if event.tls:
            stack /= tls.ServerTLSLayer(context)
        stack /= UpstreamClient(context, self._speak)
        self.connections[context.server] = stack[0]
        self.waiting_for_establishment[context.server].append(event)
        yield from self.event_to_child(stack[0], events.Start())

    def _speak(self, connection: Connection, context: Context) -> HttpConnection:
        """What speaks on a connection, by what was negotiated on it."""
        agent = connection is self.context.client
        if connection.alpn != b"h2":
            return AgentHttp1(context) if agent else UpstreamHttp1(context)
        side = AgentHttp2 if agent else UpstreamHttp2
        leg = self._legs[connection] = side(context, lambda stream_id: self._has_room(connection, stream_id))
        return leg

    def _has_room(self, source: Connection, stream_id: int) -> bool:
        """Whether the far side of an exchange can take more of what comes from `source`."""
        stream = self.streams.get(stream_id)
        if stream is None:
            return True
        if stream._paused is not None:  # noqa: SLF001 - waits for its upstream, and keeps what comes meanwhile
            return False
        client = self.context.client
        far = stream.context.server if source is client else client
        leg = self._legs.get(far)
        return self._backlog(far) <= BACKLOG and (leg is None or leg.backlog(stream_id) <= BACKLOG)


class UpstreamClient(Layer):
    """Opens the upstream connection and speaks what was negotiated."""

    def __init__(self, context: Context, speak: Callable[[Connection, Context], HttpConnection]) -> None:
        super().__init__(context)
        self._speak = speak

    def _handle_event(self, event: events.Event) -> Commands:
        error = yield commands.OpenConnection(self.context.server)
        if not error:
            child = self._speak(self.context.server, self.context)
            self._handle_event = child.handle_event  # type: ignore[method-assign]
            yield from child.handle_event(event)
        yield RegisterHttpConnection(self.context.server, error)
