"""The one document that says what a bottle is allowed; made on the host, obeyed by the sidecar."""

from collections import Counter
from enum import StrEnum
from functools import cached_property

from attrs import Attribute, field, frozen

from bottle_sidecar.policy.addresses import parse_network
from bottle_sidecar.policy.budget import Budget
from bottle_sidecar.policy.hosts import HostPattern, HostTable
from bottle_sidecar.policy.llm import may_cover_maker
from bottle_sidecar.policy.urls import PathPrefix, QueryRule


class Scheme(StrEnum):
    """How a route is reached; plain HTTP only where the route says so."""

    HTTPS = "https"
    HTTP = "http"

    @property
    def port(self) -> int:
        return 443 if self is Scheme.HTTPS else 80


class AuthScheme(StrEnum):
    """`Authorization: <scheme> <value>`; HEADER puts the bare value into `Auth.header` instead."""

    BEARER = "Bearer"
    TOKEN = "token"  # noqa: S105 - a scheme's name
    BASIC = "basic"
    HEADER = "header"


class Dlp(StrEnum):
    """What a hit of the secret scan does to a request."""

    BLOCK = "block"
    WARN = "warn"
    OFF = "off"


@frozen(kw_only=True)
class Auth:
    """Credential injection. `token_ref` names the secret; its value never stands in a document."""

    scheme: AuthScheme
    token_ref: str
    header: str = "Authorization"


@frozen(kw_only=True)
class Route:
    """One host that the agent may reach. `Policy` checks it.

    `host`: normalised, exact or `*.suffix` (any depth of subdomain, not the apex). Empty
    `path_allowlist`, `methods`: anything. `query`: when not None, each named parameter must occur
    once and match its glob, and no other may occur. `dlp`: None where nobody chose (then what the
    granter defaults to). `provider_api`: the agent's own LLM API, whose requests are the conversation
    itself; while nobody chose `dlp`, known secrets alone are looked for there. `address`: dial this
    `host:port` instead of resolving `host`. `ca_pem`: extra CAs trusted for this upstream. `origin`: who
    granted it, for people.
    """

    host: str
    scheme: Scheme = Scheme.HTTPS
    path_allowlist: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    query: tuple[tuple[str, str], ...] | None = None
    auth: Auth | None = None
    dlp: Dlp | None = None
    provider_api: bool = False
    tls_passthrough: bool = False
    ssrf_ip_allowlist: tuple[str, ...] = ()
    address: str | None = None
    ca_pem: str | None = field(default=None, repr=False)
    origin: str = "manifest"

    @cached_property
    def prefixes(self) -> tuple[PathPrefix, ...]:
        """`path_allowlist`, parsed. Raises TargetError."""
        return tuple(PathPrefix.parse(prefix) for prefix in self.path_allowlist)

    @cached_property
    def query_rule(self) -> QueryRule | None:
        """`query`, parsed."""
        return None if self.query is None else QueryRule.of(self.query)

    def check(self) -> None:
        """Raises ValueError for a part that is malformed, or for parts that exclude each other."""
        normal = HostPattern.parse(self.host).text
        if self.host != normal:
            raise ValueError(f"the host {self.host!a} is not in its normal form {normal!r}")
        for entry in self.ssrf_ip_allowlist:
            parse_network(entry)
        looks_inside = self.prefixes or self.methods or self.query_rule is not None or self.auth is not None
        if self.tls_passthrough and (looks_inside or self.scheme is Scheme.HTTP):
            raise ValueError(
                f"{self.host}: tls_passthrough excludes path, method and query rules, auth and http"
            )


@frozen(kw_only=True)
class Policy:
    """Everything a bottle is allowed.

    Raises ValueError for a malformed route, a host with two routes, and a budget that cannot be kept.
    """

    routes: tuple[Route, ...] = field(default=())
    budget: Budget = field(factory=Budget)

    @routes.validator
    def _check_routes(self, _: "Attribute[tuple[Route, ...]]", routes: tuple[Route, ...]) -> None:
        counts = Counter(route.host for route in routes)
        repeated = sorted(host for host, count in counts.items() if count > 1)
        if repeated:
            raise ValueError(f"more than one route for {', '.join(repeated)}")
        for route in routes:
            route.check()

    @budget.validator
    def _check_budget(self, _: "Attribute[Budget]", budget: Budget) -> None:
        unread = [
            route.host for route in self.routes if route.tls_passthrough and may_cover_maker(route.host)
        ]
        if budget.limits and unread:
            raise ValueError(f"what is spent at {unread[0]} cannot be read: its route is a tls_passthrough")

    @cached_property
    def _table(self) -> HostTable[Route]:
        return HostTable((HostPattern(route.host), route) for route in self.routes)

    def route_for(self, host: str) -> Route | None:
        """The most specific route for a normalised host."""
        return self._table.find(host)
