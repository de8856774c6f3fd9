import pytest

from bottle_sidecar.policy.document import Auth, AuthScheme, Dlp, Route, Scheme
from bottle_sidecar.policy.merge import RouteConflictError, merge_routes

AUTH = Auth(scheme=AuthScheme.BEARER, token_ref="TOKEN")
HOST = "api.example.com"


def provider(**keys: object) -> Route:
    return Route(host=HOST, origin="provider claude", **keys)  # type: ignore[arg-type]


def manifest(**keys: object) -> Route:
    return Route(host=HOST, **keys)  # type: ignore[arg-type]


def merged(ours: Route, theirs: Route) -> Route:
    (route,) = merge_routes([ours], [theirs])
    return route


def test_routes_for_different_hosts_stand_side_by_side() -> None:
    other = Route(host="*.example.com")

    assert merge_routes([provider()], [other]) == (provider(), other)
    assert merge_routes([], [other]) == (other,)


def test_the_manifest_says_how_to_connect() -> None:
    keys = {"address": "10.0.0.1:443", "ca_pem": "PEM", "ssrf_ip_allowlist": ("10.0.0.1",)}

    route = merged(
        provider(auth=AUTH, address="x:1", ca_pem="x", ssrf_ip_allowlist=("10.0.0.2",)), manifest(**keys)
    )

    assert (route.address, route.ca_pem, route.ssrf_ip_allowlist) == ("10.0.0.1:443", "PEM", ("10.0.0.1",))
    assert route.auth == AUTH
    assert route.origin == "provider claude, manifest"


def test_what_the_manifest_leaves_out_is_the_providers() -> None:
    full = provider(
        path_allowlist=("/v1",),
        methods=("GET",),
        query=(),
        dlp=Dlp.WARN,
        address="x:1",
        ca_pem="x",
        auth=AUTH,
    )
    route = merged(full, manifest())

    assert (route.path_allowlist, route.methods, route.query) == (("/v1",), ("GET",), ())
    assert (route.dlp, route.address, route.ca_pem, route.auth) == (Dlp.WARN, "x:1", "x", AUTH)


def test_the_manifest_narrows() -> None:
    route = merged(
        provider(path_allowlist=("/v1", "/v2"), methods=("GET", "POST")),
        manifest(
            path_allowlist=("/v1/messages", "/v2/"), methods=("PUT", "POST"), query=(("a", "*"),), dlp=Dlp.OFF
        ),
    )

    assert route.path_allowlist == ("/v1/messages", "/v2/")
    assert route.methods == ("POST",)
    assert route.query == (("a", "*"),)
    assert route.dlp is Dlp.OFF


def test_the_manifest_may_bring_rules_and_auth_where_the_provider_has_none() -> None:
    route = merged(provider(), manifest(path_allowlist=("/v1",), methods=("GET",), auth=AUTH))

    assert (route.path_allowlist, route.methods, route.auth) == (("/v1",), ("GET",), AUTH)


def test_passthrough_comes_from_the_manifest_where_nothing_looks_inside() -> None:
    assert merged(provider(), manifest(tls_passthrough=True)).tls_passthrough


@pytest.mark.parametrize(
    ("ours", "theirs", "problem"),
    [
        (provider(auth=AUTH), manifest(auth=AUTH), "both bring a credential"),
        (
            provider(path_allowlist=("/v1",)),
            manifest(path_allowlist=("/v1/x", "/v10")),
            "'/v10' is not below",
        ),
        (provider(path_allowlist=("/v1/x",)), manifest(path_allowlist=("/v1",)), "'/v1' is not below"),
        (provider(methods=("GET",)), manifest(methods=("POST",)), "no method"),
        (provider(query=(("a", "*"),)), manifest(query=(("a", "b"),)), "both have a query rule"),
        (provider(), manifest(scheme=Scheme.HTTP), "cannot make it http"),
        (provider(auth=AUTH), manifest(tls_passthrough=True), "tls_passthrough excludes"),
        (provider(path_allowlist=("/v1",)), manifest(tls_passthrough=True), "tls_passthrough excludes"),
        (provider(methods=("GET",)), manifest(tls_passthrough=True), "tls_passthrough excludes"),
        (provider(query=()), manifest(tls_passthrough=True), "tls_passthrough excludes"),
    ],
)
def test_what_is_no_narrowing_names_host_and_both_sides(ours: Route, theirs: Route, problem: str) -> None:
    with pytest.raises(RouteConflictError, match="routes of provider claude and of manifest") as caught:
        merge_routes([ours], [theirs])

    assert problem in str(caught.value)
    assert (caught.value.host, caught.value.origins) == (HOST, ("provider claude", "manifest"))


def test_equal_query_rules_agree() -> None:
    assert merged(provider(query=(("a", "b"),)), manifest(query=(("a", "b"),))).query == (("a", "b"),)


def test_a_host_declared_twice_on_one_side_is_an_error() -> None:
    with pytest.raises(RouteConflictError, match="declared twice"):
        merge_routes([], [manifest(), manifest()])
