"""A provider's routes and the manifest's, made one: the manifest narrows and says how to connect.

Widening what the provider grants, or a second source of credentials, is an error that names both sides.
"""

from collections.abc import Iterable, Sequence

from attrs import evolve

from bottle_sidecar.policy.document import Auth, Route
from bottle_sidecar.policy.urls import PathPrefix


class RouteConflictError(ValueError):
    """Two routes for one host that cannot be merged; `origins` says who declared them."""

    def __init__(self, provider: Route, manifest: Route, problem: str) -> None:
        super().__init__(f"{provider.host}: {problem} (routes of {provider.origin} and of {manifest.origin})")
        self.host = provider.host
        self.origins = (provider.origin, manifest.origin)
        self.problem = problem


def merge_routes(provider_routes: Iterable[Route], manifest_routes: Iterable[Route]) -> tuple[Route, ...]:
    """The provider's routes, narrowed, then the manifest's others. Raises RouteConflictError."""
    merged = _by_host(provider_routes)
    for host, route in _by_host(manifest_routes).items():
        merged[host] = _merge(merged[host], route) if host in merged else route
    return tuple(merged.values())


def _by_host(routes: Iterable[Route]) -> dict[str, Route]:
    found: dict[str, Route] = {}
    for route in routes:
        if route.host in found:
            raise RouteConflictError(found[route.host], route, "the host is declared twice")
        found[route.host] = route
    return found


def _merge(provider: Route, manifest: Route) -> Route:
    if provider.scheme is not manifest.scheme:
        problem = (
            f"the scheme is {provider.scheme.value}, the manifest cannot make it {manifest.scheme.value}"
        )
        raise RouteConflictError(provider, manifest, problem)
    merged = evolve(
        provider,
        path_allowlist=_paths(provider, manifest),
        methods=_methods(provider, manifest),
        query=_query(provider, manifest),
        auth=_auth(provider, manifest),
        dlp=provider.dlp if manifest.dlp is None else manifest.dlp,
        tls_passthrough=provider.tls_passthrough or manifest.tls_passthrough,
        ssrf_ip_allowlist=manifest.ssrf_ip_allowlist or provider.ssrf_ip_allowlist,
        address=manifest.address or provider.address,
        ca_pem=manifest.ca_pem or provider.ca_pem,
        origin=f"{provider.origin}, {manifest.origin}",
    )
    _check_passthrough(provider, manifest, merged)
    return merged


def _paths(provider: Route, manifest: Route) -> tuple[str, ...]:
    if not (provider.path_allowlist and manifest.path_allowlist):
        return manifest.path_allowlist or provider.path_allowlist
    for prefix in manifest.path_allowlist:
        if not _is_covered(prefix, provider.prefixes):
            problem = f"the manifest's path {prefix!a} is not below a path of the provider's"
            raise RouteConflictError(provider, manifest, problem)
    return manifest.path_allowlist


def _is_covered(prefix: str, wider: Sequence[PathPrefix]) -> bool:
    return any(outer.covers(PathPrefix.parse(prefix).text) for outer in wider)


def _methods(provider: Route, manifest: Route) -> tuple[str, ...]:
    if not (provider.methods and manifest.methods):
        return manifest.methods or provider.methods
    both = tuple(method for method in manifest.methods if method in provider.methods)
    if not both:
        raise RouteConflictError(provider, manifest, "no method is allowed by both")
    return both


def _query(provider: Route, manifest: Route) -> tuple[tuple[str, str], ...] | None:
    if provider.query is not None and manifest.query is not None and provider.query != manifest.query:
        raise RouteConflictError(provider, manifest, "both have a query rule")
    return provider.query if manifest.query is None else manifest.query


def _auth(provider: Route, manifest: Route) -> Auth | None:
    if provider.auth is not None and manifest.auth is not None:
        raise RouteConflictError(provider, manifest, "both bring a credential; keep one")
    return provider.auth or manifest.auth


def _check_passthrough(provider: Route, manifest: Route, merged: Route) -> None:
    looks_inside = merged.path_allowlist or merged.methods or merged.query is not None or merged.auth
    if merged.tls_passthrough and looks_inside:
        problem = "tls_passthrough excludes path, method and query rules, and auth"
        raise RouteConflictError(provider, manifest, problem)
