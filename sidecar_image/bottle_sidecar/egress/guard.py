"""Allow or deny: reads a request off a mitmproxy flow, asks the policy, and acts on the answer.

Decides nothing itself. What passes leaves with the route's credential and without hop-by-hop headers;
what does not gets its refusal as the flow's response.
"""

from collections.abc import Mapping

from attrs import frozen
from mitmproxy import http

from bottle_sidecar.control.protocol import Start
from bottle_sidecar.egress import hygiene, refusal
from bottle_sidecar.egress.decoding import UnreadableBodyError
from bottle_sidecar.egress.dial import DialError, DialFailure, UpstreamError
from bottle_sidecar.egress.exchanges import Exchange, Exchanges
from bottle_sidecar.egress.inject import Injector, MissingTokenError
from bottle_sidecar.egress.inspect import Inspector
from bottle_sidecar.egress.journal import Detail, Journal
from bottle_sidecar.egress.mask import ResponseMask
from bottle_sidecar.egress.meter import Meter, Metering
from bottle_sidecar.egress.scan import BodyScan, MessageScan
from bottle_sidecar.policy.decide import (
    ConnectAction,
    ConnectVerdict,
    Request,
    Rule,
    Verdict,
    decide,
    decide_connect,
    decide_tunnel,
)
from bottle_sidecar.policy.document import Policy, Route
from bottle_sidecar.policy.hosts import Authority, HostError
from bottle_sidecar.policy.leaks import unreadable
from bottle_sidecar.policy.screen import LeakError

SIDECAR_HOST = "sidecar.bottle"
HEALTH_PATH = "/health"
_CERTIFICATE_HINT = "If its CA is a private one, the route needs a ca_file."


@frozen(kw_only=True)
class Tunnel:
    """A CONNECT that was accepted: what the client named, and the policy's answer to it."""

    host: str
    port: int
    verdict: ConnectVerdict


@frozen(kw_only=True)
class Admitted:
    """A request that may leave, and the route it leaves by.

    `body` looks at what follows the head. `metered`: where what it uses is counted.
    """

    route: Route
    host: str
    asked: Request
    verdict: Verdict
    body: BodyScan
    exchange: Exchange
    metered: Metering | None = None


class Guard:
    """One bottle's gatekeeper."""

    def __init__(
        self,
        start: Start,
        *,
        injector: Injector,
        inspector: Inspector,
        journal: Journal,
        exchanges: Exchanges,
        meter: Meter,
    ) -> None:
        self._identity = start.identity
        self._meter = meter
        self._policy = start.policy
        self._injector = injector
        self._journal = journal
        self._exchanges = exchanges
        self._inspector = inspector
        self._mask = ResponseMask(injector.secrets())

    def renew(self, tokens: Mapping[str, str]) -> None:
        """Takes new values of tokens, all or none. They are known as secrets before the first one leaves."""
        try:
            renewed = self._injector.renewed(tokens, self._policy)
        except MissingTokenError as error:
            self._journal.write("fault", reason=str(error))
            return
        self._journal.learn(renewed.secrets())
        self._mask.learn(renewed.secrets())
        self._inspector.screen.learn(renewed.secrets())
        self._injector = renewed
        for name in tokens:
            self._journal.write("renewed", owner=name)

    def route(self, host: str) -> Route:
        """The route by which `host` is dialled. Raises DialError where there is none."""
        route = self._policy.route_for(host)
        if route is None:
            raise DialError(DialFailure.FORBIDDEN, f"no route covers {host}")
        return route

    def connect(self, flow: http.HTTPFlow) -> Tunnel | None:
        """Judges a CONNECT. None where it is refused outright; the flow then has its response."""
        target = flow.request.data.authority.decode("latin-1")
        verdict, port = _connect_verdict(self._policy, target)
        if verdict.refusal is None and verdict.host is not None:
            flow.request.host = verdict.host
            return Tunnel(host=verdict.host, port=port, verdict=verdict)
        asked = Request(
            method="CONNECT",
            scheme="https",
            connect_host=None,
            connect_port=None,
            sni=None,
            authority=target,
            target="",
        )
        if verdict.refusal is not None:
            self._refused(verdict.refusal, asked)
            flow.response = refusal.refused(verdict.refusal, asked, self._identity)
        return None

    def tunnel(self, tunnel: Tunnel, sni: str | None) -> Exchange | None:
        """An undecrypted TLS stream that may go on, given the name in its ClientHello; None for another."""
        verdict = self._inspector.tunnel(decide_tunnel(self._policy, tunnel.host, sni), tunnel.host)
        rule, host = verdict.rule.value, verdict.host
        if verdict.allowed:
            return self._exchanges.begin("tunnel", {"method": "CONNECT", "host": host, "rule": rule})
        self._journal.write("refused", method="CONNECT", host=host, rule=rule, reason=verdict.reason)
        return None

    def request(self, flow: http.HTTPFlow, tunnel: Tunnel | None) -> Admitted | None:
        """Judges a request and makes it ready to leave. None where it is answered here."""
        asked = _asked(flow, tunnel)
        if tunnel is None and flow.request.host == SIDECAR_HOST and flow.request.scheme == "http":
            flow.response = self._health(asked)
            return None
        verdict = self._inspector.head(decide(self._policy, asked), asked)
        verdict = self._meter.judge(verdict, asked)
        admitted = self._admitted(verdict, asked, flow.request)
        if isinstance(admitted, Verdict):
            self._refused(admitted, asked)
            flow.request.headers.pop("expect", None)
            flow.response = refusal.refused(admitted, asked, self._identity)
            return None
        admitted.exchange.belongs_to(flow)
        self._prepare(flow.request, admitted)
        return admitted

    def messages(self, admitted: Admitted) -> MessageScan:
        """Looks at what the agent sends once the request has become a WebSocket."""
        return self._inspector.messages(admitted.verdict, admitted.route)

    def barred(self, error: LeakError | UnreadableBodyError, admitted: Admitted) -> Verdict:
        """The refusal of a request of which a part may have left."""
        verdict = self._inspector.barred(admitted.verdict, error, admitted.exchange)
        self._refused(verdict, admitted.asked, admitted.exchange)
        return verdict

    def refused(self, verdict: Verdict, admitted: Admitted) -> http.Response:
        return refusal.refused(verdict, admitted.asked, self._identity)

    def response(self, response: http.Response, admitted: Admitted, request: http.Request) -> None:
        """Makes an upstream's answer ready for the agent: streamed, without hop-by-hop headers, masked."""
        websocket = response.status_code == 101
        if admitted.metered is not None:
            admitted.metered.response(response)
        response.headers.fields = tuple(hygiene.forwarded(response.headers.fields, websocket=websocket))
        response.stream = True
        if admitted.route.auth is not None:
            self._mask.headers(response.headers)
            if not websocket and request.method != "HEAD":
                response.stream = self._mask.body(response)
        if admitted.metered is not None:
            response.stream = admitted.metered.tap(response.stream)
        if request.http_version == "HTTP/1.0":
            response.headers.pop("transfer-encoding", None)

    def trailers(self, response: http.Response, admitted: Admitted) -> None:
        """Makes a response's trailers ready for the agent; malformed ones are dropped."""
        if response.trailers is None:
            return
        if hygiene.fields_problem(response.trailers.fields) is not None:
            response.trailers = None
        elif admitted.route.auth is not None:
            self._mask.headers(response.trailers)

    def message(self, content: bytes, admitted: Admitted) -> bytes:
        """A WebSocket message from upstream, as the agent may see it."""
        if admitted.metered is not None:
            admitted.metered.received(content)
        return content if admitted.route.auth is None else self._mask.message(content)

    def sent(self, content: bytes, admitted: Admitted) -> str | None:
        """A WebSocket message from the agent: None, or the answer in place of one that must not leave."""
        if admitted.metered is None:
            return None
        verdict = admitted.metered.sent(content)
        if verdict.allowed:
            return None
        self._refused(verdict, admitted.asked)
        return refusal.refused_message(verdict, admitted.asked, self._identity)

    def failure(self, error: str, admitted: Admitted) -> http.Response:
        """The answer where there is no upstream connection, or none that can be trusted."""
        kind = error.failure if isinstance(error, UpstreamError) else None
        host = admitted.host
        if kind is DialFailure.FORBIDDEN:
            verdict = _refusal_of(admitted.verdict, Rule.ADDRESS, f"{error}.")
            self._refused(verdict, admitted.asked, admitted.exchange)
            return refusal.refused(verdict, admitted.asked, self._identity)
        code = f"upstream.{kind.value}" if kind is not None else "upstream.failed"
        message = str(error)
        if message.startswith("Certificate verify failed"):
            code = "upstream.certificate"
            message = f"{host} has no certificate that is trusted here ({message}). {_CERTIFICATE_HINT}"
        self._journal.write("failed", id=admitted.exchange.identifier, host=host, rule=code, reason=message)
        return refusal.upstream_failed(code, message, self._identity)

    def unreadable(self, error: UnreadableBodyError, admitted: Admitted) -> http.Response:
        """The answer in place of a body that cannot be looked into."""
        self._journal.write(
            "failed",
            id=admitted.exchange.identifier,
            host=admitted.verdict.host,
            rule="upstream.unreadable",
            reason=str(error),
        )
        message = f"it cannot be searched for the bottle's secrets: {error}"
        return refusal.upstream_failed("upstream.unreadable", message, self._identity)

    def _prepare(self, request: http.Request, admitted: Admitted) -> None:
        fields = request.headers.fields
        websocket = not request.is_http2 and hygiene.is_websocket_upgrade(request.method, fields)
        request.headers = http.Headers(hygiene.forwarded(fields, websocket=websocket))
        self._injector.apply(admitted.route, request)
        request.host, request.port = admitted.host, admitted.route.scheme.port
        request.headers.pop("host", None)
        authority = _canonical(admitted)
        if request.is_http2:
            request.authority = authority
        else:
            request.authority = ""
            request.headers.insert(0, "Host", authority)
        if admitted.route.auth is not None or admitted.metered is not None:
            request.headers["accept-encoding"] = "identity"

    def _admitted(self, verdict: Verdict, asked: Request, request: http.Request) -> Admitted | Verdict:
        """What may leave, or why it may not."""
        route = verdict.route
        if not verdict.allowed or route is None:
            return verdict
        try:
            body = self._inspector.body(request, asked, verdict, route)
        except UnreadableBodyError as error:
            return unreadable(verdict, str(error))
        exchange = self._exchanges.begin("allowed", _told(verdict, asked))
        metered = self._meter.metering(verdict, asked)
        if metered is not None:
            exchange.at_end = metered.close
        return Admitted(
            route=route,
            host=verdict.host or "",
            asked=asked,
            verdict=verdict,
            body=body,
            exchange=exchange,
            metered=metered,
        )

    def _health(self, asked: Request) -> http.Response:
        if asked.method == "GET" and asked.target == HEALTH_PATH:
            return refusal.plain({"identity": self._identity})
        return refusal.malformed(f"{SIDECAR_HOST} has nothing but {HEALTH_PATH}", status=404)

    def _refused(self, verdict: Verdict, asked: Request, exchange: Exchange | None = None) -> None:
        """Writes a refusal down; also of what had been let out before something barred it."""
        identifier = None
        if exchange is not None:
            identifier, exchange.verdict = exchange.identifier, "refused"
        status = refusal.status_of(verdict)
        self._journal.write(
            "refused", id=identifier, **_told(verdict, asked), status=status, reason=verdict.reason
        )


def _told(verdict: Verdict, asked: Request) -> dict[str, Detail]:
    """What a line says of a decision: nothing of the query."""
    in_url = verdict.finding is not None and verdict.finding.place == "url"
    path = None if in_url else verdict.path or asked.target.partition("?")[0]
    return {"method": asked.method, "host": verdict.host, "path": path, "rule": verdict.rule.value}


def _asked(flow: http.HTTPFlow, tunnel: Tunnel | None) -> Request:
    """What the request claims, every claim of it."""
    request = flow.request
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.fields
    )
    hosts = [value for name, value in headers if name.lower() == "host"]
    absolute = request.data.authority.decode("latin-1")
    if tunnel is None:
        absolute = (
            f"[{request.host}]:{request.port}" if ":" in request.host else f"{request.host}:{request.port}"
        )
    claims = [absolute, *hosts] if request.is_http2 else [*hosts, absolute]
    claims = [claim for claim in claims if claim] if request.is_http2 or hosts else ["", absolute]
    return Request(
        method=request.data.method.decode("latin-1"),
        scheme=request.scheme,
        connect_host=None if tunnel is None else tunnel.host,
        connect_port=None if tunnel is None else tunnel.port,
        sni=flow.client_conn.sni if flow.client_conn.tls else None,
        authority=claims[0] if claims else "",
        target=request.data.path.decode("latin-1"),
        other_authorities=tuple(claim for claim in claims[1:] if claim),
        headers=headers,
    )


def _connect_verdict(policy: Policy, target: str) -> tuple[ConnectVerdict, int]:
    """The policy's answer to `CONNECT target`, and the port it names."""
    try:
        authority = Authority.parse(target)
    except HostError as error:
        refused = Verdict(allowed=False, rule=Rule.MALFORMED_HOST, reason=f"{error}.")
        return ConnectVerdict(action=ConnectAction.REFUSE, refusal=refused), 0
    port = authority.port or 0
    return decide_connect(policy, authority.host, port), port


def _canonical(admitted: Admitted) -> str:
    """The one spelling of the host that goes upstream; the agent's own where it says the same."""
    host = f"[{admitted.host}]" if ":" in admitted.host else admitted.host
    given = admitted.asked.authority
    return given if given.lower() in (host, f"{host}:{admitted.route.scheme.port}") else host


def _refusal_of(verdict: Verdict, rule: Rule, reason: str) -> Verdict:
    return Verdict(
        allowed=False, rule=rule, reason=reason, host=verdict.host, route=verdict.route, path=verdict.path
    )
