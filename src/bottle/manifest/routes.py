"""`egress.routes`: the rules of a route. What a host, a path or an address is, the policy package says."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from bottle.manifest import keys, values
from bottle.manifest.problems import Invalid, nearest_word, quoted
from bottle.manifest.reading import Cursor, Fields
from bottle.manifest.schema import Egress, RouteSpec
from bottle_sidecar.policy.addresses import parse_network, refusal
from bottle_sidecar.policy.document import Auth, AuthScheme, Dlp, Route, Scheme
from bottle_sidecar.policy.hosts import HostError, HostPattern, is_ip_literal, normalise_host
from bottle_sidecar.policy.urls import PathPrefix, TargetError

_METHOD = re.compile(r"[A-Z]+(-[A-Z]+)*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_AUTH_SCHEMES = ("Bearer", "token", "basic", "header:<Name>")
_RESERVED_SUFFIX = ".bottle"
_FRAMING = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_METADATA = frozenset({"169.254.169.254", "169.254.170.2", "fd00:ec2::254"})
_NOT_WITH_PASSTHROUGH = ("auth", "path_allowlist", "methods", "query", "dlp", "ca_file")
_PASSTHROUGH = "pipelock.tls_passthrough"


@frozen(kw_only=True)
class RouteReader:
    """`ca_file` parses the path of a CA file."""

    ca_file: Callable[[str], Path]

    def egress(self, cursor: Cursor) -> Egress | None:
        fields = cursor.fields(keys.EGRESS)
        if fields is None:
            return None
        return Egress(routes=fields.read("routes", self._routes) or ())

    def _routes(self, cursor: Cursor) -> tuple[RouteSpec, ...]:
        found: list[RouteSpec] = []
        first: dict[str, Cursor] = {}
        for item in cursor.items() or ():
            spec = self._route(item)
            if spec is None:
                continue
            if (earlier := first.setdefault(spec.route.host, item)) is not item:
                where = f"routes[{earlier.path[-1]}] in line {earlier.position.line}"
                item.fail(f"the host {quoted(spec.route.host)} has a route already: {where}", "merge the two")
            found.append(spec)
        return tuple(found)

    def _route(self, cursor: Cursor) -> RouteSpec | None:
        fields = cursor.fields(keys.ROUTE, required=("host",))
        if fields is None:
            return None
        host = fields.text("host", host_pattern)
        pipelock = fields.read("pipelock", lambda inner: inner.fields(keys.PIPELOCK)) or Fields(
            keys=keys.PIPELOCK
        )
        passthrough = pipelock.read("tls_passthrough", Cursor.boolean) or False
        route = Route(
            host=host or "",
            scheme=fields.read("scheme", lambda inner: inner.choice(Scheme)) or Scheme.HTTPS,
            path_allowlist=fields.read("path_allowlist", _paths) or (),
            methods=fields.read("methods", _methods) or (),
            query=fields.read("query", _query),
            auth=fields.read("auth", _auth),
            dlp=fields.read("dlp", lambda inner: inner.choice(Dlp)),
            tls_passthrough=passthrough,
            ssrf_ip_allowlist=pipelock.read("ssrf_ip_allowlist", _addresses) or (),
            address=fields.read("address", lambda inner: inner.verbatim(dial_address)),
        )
        ca_file = fields.text("ca_file", self.ca_file)
        _check_together(fields, route)
        if host is None:
            return None
        declared = frozenset(fields.values) - {"pipelock"} | {f"pipelock.{name}" for name in pipelock.values}
        return RouteSpec(route=route, ca_file=ca_file, declared=declared)


def _check_together(fields: Fields, route: Route) -> None:
    """What each key says alone is right; here is what does not go together."""
    if route.tls_passthrough:
        for name in _NOT_WITH_PASSTHROUGH:
            if name in fields:
                why = "what is not decrypted can be neither seen nor changed"
                fields[name].fail(f"cannot be combined with {_PASSTHROUGH}", why)
    if route.scheme is Scheme.HTTP:
        if route.tls_passthrough:
            fields["scheme"].fail(
                f"cannot be combined with {_PASSTHROUGH}", "plain http has no TLS to pass through"
            )
        elif "ca_file" in fields:
            fields["ca_file"].fail("has no meaning with scheme: http")
        if route.auth is not None:
            fields["auth"].warn("the credential will travel unencrypted: scheme is http")
    if route.host and not route.host.startswith("*."):
        _check_literal(fields["host"], route)
    elif route.host.count(".") == 1:
        fields["host"].warn(f"{quoted(route.host)} allows every host of a whole top-level domain")


def _check_literal(cursor: Cursor, route: Route) -> None:
    """An address as host is reached as it stands: where the guard would always refuse it, say so now."""
    if not is_ip_literal(route.host) or route.address is not None:
        return
    reason = refusal(route.host, route.ssrf_ip_allowlist)
    if reason is not None:
        cursor.fail(f"would always be refused: {reason}", "list it under pipelock.ssrf_ip_allowlist")


def host_pattern(text: str) -> str:
    """A route's host in canonical form, `*.suffix` for a wildcard."""
    _check_bare(text)
    if text == "*":
        raise Invalid("'*' would allow every host", "name the hosts, or *.example.com for all below one")
    if "*" in text.removeprefix("*."):
        raise Invalid(f"{quoted(text)}: '*' may only stand first, as in *.example.com")
    try:
        pattern = HostPattern.parse(text).text
    except HostError as error:
        raise Invalid(str(error)) from None
    if f".{pattern}".endswith(_RESERVED_SUFFIX):
        raise Invalid(f"{quoted(text)}: names under .bottle are the bottle's own services")
    return pattern


def _check_bare(text: str) -> None:
    """Whether a host comes alone; what comes with it is told by name, with the host that was meant."""
    meant = _meant(text)
    hint = f"write '{meant}'" if meant and meant.isprintable() and meant != text else None
    if "@" in text:
        raise Invalid("has a user; a host alone is wanted", hint)
    if "://" in text:
        raise Invalid(f"{quoted(text)} has a scheme; a host alone is wanted", hint)
    if "/" in text:
        with_path = f"{hint}, and name the path under path_allowlist" if hint else None
        raise Invalid(f"{quoted(text)} has a path; a host alone is wanted", with_path)
    if text.count(":") == 1 or "]:" in text:
        raise Invalid(
            f"{quoted(text)} has a port; a host alone is wanted", "use address to connect to another port"
        )


def _meant(text: str) -> str:
    """The host in what looks like a URL; empty where none is to be seen."""
    try:
        authority = urlsplit(text if "://" in text else f"//{text}").netloc
    except ValueError:
        return ""
    return authority.rpartition("@")[2].partition(":")[0]


def dial_address(text: str) -> str:
    """`host:port` in canonical form, IPv6 in brackets."""
    host, colon, port = text.rpartition(":")
    example = "write host:port, such as 10.0.0.5:8443 or '[fd00::5]:8443'"
    if not colon or not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535:
        raise Invalid(f"{quoted(text)} has no port between 1 and 65535", example)
    bracketed = host.startswith("[") and host.endswith("]")
    if "://" in host:
        raise Invalid(f"{quoted(text)} has a scheme; host and port alone are wanted", example)
    if ":" in host and not bracketed:
        raise Invalid(f"{quoted(text)}: an IPv6 address stands in brackets", example)
    try:
        name = normalise_host(host)
    except HostError as error:
        raise Invalid(str(error), example) from None
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def _paths(cursor: Cursor) -> tuple[str, ...] | None:
    return _not_empty(cursor, cursor.texts(path_prefix), "path")


def path_prefix(text: str) -> str:
    """A path prefix without trailing slash, in the spelling that the policy compares."""
    if "*" in text:
        raise Invalid(f"{quoted(text)}: a path here is a prefix, not a pattern", "leave out the '*'")
    try:
        return PathPrefix.parse(text).text or "/"
    except TargetError as error:
        raise Invalid(f"{quoted(text)}: {error}") from None


def _methods(cursor: Cursor) -> tuple[str, ...] | None:
    return _not_empty(cursor, cursor.texts(method), "method")


def method(text: str) -> str:
    if not _METHOD.fullmatch(text):
        upper = text.upper()
        hint = f"write {upper}" if _METHOD.fullmatch(upper) else "write one such as GET"
        raise Invalid(f"{quoted(text)} is not an upper-case HTTP method", hint)
    if text == "CONNECT":
        raise Invalid("CONNECT is answered by the proxy itself and cannot be allowed")
    return text


def _not_empty(cursor: Cursor, found: tuple[str, ...] | None, noun: str) -> tuple[str, ...] | None:
    if found is not None and not cursor.items():
        cursor.fail(f"an empty list would allow no {noun} at all", f"leave out the key to allow every {noun}")
    return found


def _query(cursor: Cursor) -> tuple[tuple[str, str], ...] | None:
    entries = cursor.entries()
    if entries is None:
        return None
    found = []
    for entry in entries:
        if not entry.key.text:
            entry.value.fail("a parameter needs a name")
        pattern = entry.value.verbatim(values.line)
        if pattern is not None:
            found.append((entry.key.text, pattern))
    return tuple(found)


def _auth(cursor: Cursor) -> Auth | None:
    fields = cursor.fields(keys.AUTH, required=("scheme", "token_ref"))
    if fields is None:
        return None
    scheme = fields.text("scheme", auth_scheme)
    token_ref = fields.text("token_ref", values.variable_name)
    if scheme is None or token_ref is None:
        return None
    kind, header = scheme
    return Auth(scheme=kind, token_ref=token_ref, header=header)


def auth_scheme(text: str) -> tuple[AuthScheme, str]:
    """The scheme and the header that carries the credential."""
    kind, colon, header = text.partition(":")
    if kind == AuthScheme.HEADER:
        return AuthScheme.HEADER, _header(header if colon else "")
    if text in {AuthScheme.BEARER, AuthScheme.TOKEN, AuthScheme.BASIC}:
        return AuthScheme(text), "Authorization"
    nearest = nearest_word(text, _AUTH_SCHEMES)
    raise Invalid(
        f"unknown scheme {quoted(text)}",
        f"did you mean '{nearest}'?" if nearest else f"one of: {', '.join(_AUTH_SCHEMES)}",
    )


def _header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise Invalid("no valid header name after 'header:'", "write one such as header:X-Api-Key")
    if text.lower() in _FRAMING or text.lower().startswith("proxy-"):
        raise Invalid(f"the header {quoted(text)} frames the message and cannot carry a credential")
    return text


def _addresses(cursor: Cursor) -> tuple[str, ...] | None:
    found = cursor.texts(network)
    if not _METADATA.isdisjoint(found or ()):
        cursor.warn("allows a cloud metadata service, which hands out the machine's own credentials")
    return found


def network(text: str) -> str:
    """An address, or a network in CIDR form, canonical."""
    try:
        parsed = parse_network(text)
    except ValueError as error:
        hint = (
            "write the network's first address"
            if "host bits" in str(error)
            else "such as 10.0.0.5 or 10.0.0.0/8"
        )
        raise Invalid(f"{quoted(text)} is no IP address or network", hint) from None
    if parsed.prefixlen == 0:
        raise Invalid(
            f"{quoted(text)} would switch the guard off for every address", "name the networks in question"
        )
    return str(parsed) if parsed.num_addresses > 1 else str(ip_address(parsed.network_address))
