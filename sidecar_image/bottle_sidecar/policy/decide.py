"""Whether a connection or request may pass: the one answer, for the proxy and for `bottle why`.

A request passes only where the CONNECT host, the SNI, every `Host`/`:authority` and a route agree. What
is refused gets a `Verdict` with a stable code (`Rule`) for programs, one sentence for people, and what
to ask for. Texts that the agent chose appear in it only in printable ASCII, and a query never does.
"""

import re
from collections.abc import Callable
from enum import StrEnum

from attrs import frozen

from bottle_sidecar.policy.dlp.findings import Finding
from bottle_sidecar.policy.document import Policy, Route, Scheme
from bottle_sidecar.policy.hosts import Authority, HostError, normalise_host, quoted
from bottle_sidecar.policy.llm import Cost, charge
from bottle_sidecar.policy.urls import RequestTarget, TargetError

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_TUNNEL_METHODS = frozenset({"CONNECT", "TRACE", "TRACK"})
_METHOD_OVERRIDES = frozenset({"x-http-method-override", "x-http-method", "x-method-override"})
_PATH_OVERRIDES = frozenset({"x-original-url", "x-rewrite-url", "x-original-uri"})


class Rule(StrEnum):
    """Why a request passed or was refused; stable codes, used in refusals, events and `bottle why --json`."""

    ALLOWED = "route.allowed"
    UNKNOWN_HOST = "route.unknown-host"
    SCHEME = "route.scheme"
    PORT = "route.port"
    PASSTHROUGH = "route.passthrough"
    METHOD = "route.method"
    PATH = "route.path"
    QUERY = "route.query"
    MALFORMED_HOST = "request.malformed-host"
    HOST_MISMATCH = "request.host-mismatch"
    FORBIDDEN_METHOD = "request.method"
    MALFORMED_TARGET = "request.malformed-target"
    AMBIGUOUS_PATH = "request.ambiguous-path"
    AMBIGUOUS_QUERY = "request.ambiguous-query"
    OVERRIDE = "request.override-header"
    SECRET = "dlp.secret"  # noqa: S105 - a rule's code
    HONEYTOKEN = "dlp.honeytoken"
    UNREADABLE = "dlp.unreadable"
    ADDRESS = "address.private"
    BUDGET = "budget.spent"
    CROWD = "budget.crowd"
    UNCOUNTED = "budget.uncounted"


class ConnectAction(StrEnum):
    """What to do with a CONNECT: look inside, pass bytes through, or refuse it outright."""

    INTERCEPT = "intercept"
    TUNNEL = "tunnel"
    REFUSE = "refuse"


@frozen(kw_only=True)
class Request:
    """What a request claims, as it came.

    `connect_host`, `connect_port`: of the CONNECT it came through; None for plain HTTP to the proxy.
    `sni`: None where the client sent none. `authority`: `Host` or `:authority`, port included;
    `other_authorities`: every further claim (a second Host, the authority of an absolute-form
    target). `target`: path and query as sent. `headers` are looked at for overrides of method and path.
    """

    method: str
    scheme: str
    connect_host: str | None
    connect_port: int | None
    sni: str | None
    authority: str
    target: str
    other_authorities: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


@frozen(kw_only=True)
class Verdict:
    """The answer.

    `host` is None where none could be read; `path` is what the rules judged, without the query;
    `address` is the one that was not dialled. `finding` is what the scan for secrets saw, also where
    the route lets it pass.
    """

    allowed: bool
    rule: Rule
    reason: str
    hint: str | None = None
    host: str | None = None
    route: Route | None = None
    path: str | None = None
    address: str | None = None
    finding: Finding | None = None


@frozen(kw_only=True)
class ConnectVerdict:
    """The answer to a CONNECT. `refusal` is set for REFUSE alone."""

    action: ConnectAction
    host: str | None = None
    route: Route | None = None
    refusal: Verdict | None = None


class _RefusedError(Exception):
    """Carries a refusal out of the checks."""

    def __init__(self, rule: Rule, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason
        self.hint = hint


def decide_connect(policy: Policy, host: str, port: int) -> ConnectVerdict:
    """What to do with a CONNECT.

    A host without a route is intercepted: a refusal inside the tunnel reaches the agent's user, a
    refused CONNECT makes agents wait. Only what cannot be intercepted is refused here: a text that is no
    host, and a pass-through host on a wrong port.
    """
    try:
        name = normalise_host(host)
    except HostError as error:
        refusal = Verdict(allowed=False, rule=Rule.MALFORMED_HOST, reason=f"{error}.")
        return ConnectVerdict(action=ConnectAction.REFUSE, refusal=refusal)
    route = policy.route_for(name)
    if route is None or not route.tls_passthrough:
        return ConnectVerdict(action=ConnectAction.INTERCEPT, host=name, route=route)
    if port == route.scheme.port:
        return ConnectVerdict(action=ConnectAction.TUNNEL, host=name, route=route)
    reason = f"{name} is reached on port {route.scheme.port}, not {port}."
    refusal = Verdict(allowed=False, rule=Rule.PORT, reason=reason, host=name, route=route)
    return ConnectVerdict(action=ConnectAction.REFUSE, host=name, route=route, refusal=refusal)


def decide_tunnel(policy: Policy, host: str, sni: str | None) -> Verdict:
    """Whether the TLS stream of a pass-through CONNECT may go on, given the name in its ClientHello.

    The name must be the host itself: another one would reach a neighbour behind the same address.
    """
    try:
        name, named = normalise_host(host), None if sni is None else normalise_host(sni)
    except HostError as error:
        return Verdict(allowed=False, rule=Rule.MALFORMED_HOST, reason=f"{error}.")
    route = policy.route_for(name)
    if route is None or not route.tls_passthrough:
        rule, reason = Rule.UNKNOWN_HOST, f"No pass-through route of this bottle covers {name}."
    elif named != name:
        rule, reason = Rule.HOST_MISMATCH, f"The TLS server name is not {name}."
    else:
        rule, reason = Rule.ALLOWED, f"The route for {route.host} passes it through."
    return Verdict(allowed=rule is Rule.ALLOWED, rule=rule, reason=reason, host=name, route=route)


def decide(policy: Policy, request: Request) -> Verdict:
    """Whether this request may leave. Never raises for anything that an agent can send."""
    host: str | None = None
    route: Route | None = None
    path: str | None = None
    try:
        _check_method(request)
        host = _agreed_host(request)
        route = _covering_route(policy, host)
        _check_connection(route, host, request)
        target = _target(request)
        path = target.path
        for check in _ROUTE_CHECKS:
            check(route, target, request)
        _check_budget(policy, host, path, request)
    except _RefusedError as refused:
        return Verdict(
            allowed=False,
            rule=refused.rule,
            reason=refused.reason,
            hint=refused.hint,
            host=host,
            route=route,
            path=path,
        )
    reason = f"The route for {route.host} {'passes it through' if route.tls_passthrough else 'allows it'}."
    return Verdict(allowed=True, rule=Rule.ALLOWED, reason=reason, host=host, route=route, path=path)


def _check_method(request: Request) -> None:
    if not _METHOD.fullmatch(request.method) or request.method.upper() in _TUNNEL_METHODS:
        raise _RefusedError(
            Rule.FORBIDDEN_METHOD, f"The method {quoted(request.method, 40)} is never passed on."
        )


def _agreed_host(request: Request) -> str:
    """The one host that all parts of the request name, on the scheme's own port."""
    if request.scheme not in (Scheme.HTTP, Scheme.HTTPS):
        raise _RefusedError(
            Rule.SCHEME, f"The scheme {quoted(request.scheme, 40)} is neither https nor http."
        )
    port = request.connect_port
    if request.connect_host is None and request.scheme == Scheme.HTTPS:
        raise _RefusedError(Rule.SCHEME, "An https request must come through CONNECT.")
    try:
        authority = Authority.parse(request.authority)
        others = {Authority.parse(text) for text in request.other_authorities if text != request.authority}
        names = {
            normalise_host(text)
            for text in (request.connect_host, request.sni)
            if text is not None and text != authority.host
        }
    except HostError as error:
        raise _RefusedError(Rule.MALFORMED_HOST, f"{error}.") from None
    default = Scheme(request.scheme).port
    hosts = names | {authority.host} | {other.host for other in others}
    if len(hosts) > 1:
        raise _RefusedError(
            Rule.HOST_MISMATCH, f"The request names more than one host: {', '.join(sorted(hosts))}."
        )
    ports = {port or default, authority.port or default, *(other.port or default for other in others)}
    if ports != {default}:
        raise _RefusedError(Rule.PORT, f"{authority.host} is reached on port {default} only.")
    return authority.host


def _covering_route(policy: Policy, host: str) -> Route:
    route = policy.route_for(host)
    if route is None:
        reason = f"No route of this bottle covers {host}."
        raise _RefusedError(Rule.UNKNOWN_HOST, reason, f"Add a route for {host}.")
    return route


def _check_connection(route: Route, host: str, request: Request) -> None:
    if route.tls_passthrough and request.scheme != Scheme.HTTPS:
        raise _RefusedError(Rule.PASSTHROUGH, f"{host} is passed through undecrypted, over TLS only.")
    if request.scheme != route.scheme:
        raise _RefusedError(
            Rule.SCHEME,
            f"{host} is reached over {route.scheme.value}, not {request.scheme}.",
            f"Set the scheme of the route for {route.host}.",
        )


def _target(request: Request) -> RequestTarget:
    try:
        return RequestTarget.parse(request.target)
    except TargetError as error:
        raise _RefusedError(Rule.MALFORMED_TARGET, f"The request cannot be judged: {error}.") from None


def _allow_method(route: Route, _: RequestTarget, request: Request) -> None:
    if route.methods and request.method not in route.methods:
        raise _RefusedError(
            Rule.METHOD,
            f"The route for {route.host} allows {', '.join(route.methods)}, not {request.method}.",
            f"Add {request.method} to the methods of the route for {route.host}.",
        )


def _allow_path(route: Route, target: RequestTarget, _: Request) -> None:
    if not route.path_allowlist:
        return
    problem = target.ambiguity()
    if problem is not None:
        raise _RefusedError(Rule.AMBIGUOUS_PATH, f"Servers could read the path in two ways: {problem}.")
    if not target.is_under(route.prefixes):
        raise _RefusedError(
            Rule.PATH,
            f"The route for {route.host} does not allow the path {quoted(target.path)}.",
            f"Add the path to the path_allowlist of the route for {route.host}.",
        )


def _allow_query(route: Route, target: RequestTarget, _: Request) -> None:
    if route.query_rule is None:
        return
    try:
        problem = route.query_rule.problem(target.query or "")
    except TargetError as error:
        raise _RefusedError(
            Rule.AMBIGUOUS_QUERY, f"Servers could read the query in two ways: {error}."
        ) from None
    if problem is not None:
        raise _RefusedError(
            Rule.QUERY,
            f"The route for {route.host} does not allow it: {problem}.",
            f"Change the query rule of the route for {route.host}.",
        )


def _allow_headers(route: Route, _: RequestTarget, request: Request) -> None:
    """No header may ask the server for another method or path than the ones judged."""
    if not (route.methods or route.path_allowlist):
        return
    for name, value in request.headers:
        key = name.lower().replace("_", "-")
        if key in _PATH_OVERRIDES and route.path_allowlist:
            raise _RefusedError(Rule.OVERRIDE, f"The header {key} asks the server for another path.")
        if key in _METHOD_OVERRIDES and route.methods and value.strip() not in route.methods:
            raise _RefusedError(Rule.OVERRIDE, f"The header {key} asks the server for another method.")


def _check_budget(policy: Policy, host: str, path: str, request: Request) -> None:
    """Where a budget is to be kept, no request may spend what its answer will not tell."""
    if policy.budget.limits and charge(host, path, request.method, request.headers).cost is Cost.UNTOLD:
        raise _RefusedError(
            Rule.UNCOUNTED,
            f"The bottle has a budget, and what this request costs at {host} cannot be told.",
            "Without a budget it would pass.",
        )


_ROUTE_CHECKS: tuple[Callable[[Route, RequestTarget, Request], None], ...] = (
    _allow_method,
    _allow_path,
    _allow_query,
    _allow_headers,
)
