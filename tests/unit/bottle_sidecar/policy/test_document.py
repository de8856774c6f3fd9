import pytest

from bottle_sidecar.control.protocol import Exit, Start, from_json, to_json
from bottle_sidecar.policy.budget import Budget
from bottle_sidecar.policy.document import Auth, AuthScheme, Policy, Route, Scheme

BEARER = Auth(scheme=AuthScheme.BEARER, token_ref="TOKEN")
FULL = Route(
    host="*.example.com",
    path_allowlist=("/v1",),
    methods=("GET",),
    query=(("ref", "main*"),),
    auth=BEARER,
    ssrf_ip_allowlist=("10.0.0.0/8",),
    address="10.0.0.1:8443",
    ca_pem="PEM",
)


def test_the_default_port_follows_the_scheme() -> None:
    assert (Scheme.HTTPS.port, Scheme.HTTP.port) == (443, 80)


def test_a_policy_finds_the_route_of_a_host() -> None:
    policy = Policy(routes=(FULL, Route(host="a.example.com")))

    assert policy.route_for("a.example.com") is policy.routes[1]
    assert policy.route_for("b.example.com") is FULL
    assert policy.route_for("example.com") is None


def test_a_used_policy_survives_the_journey_to_the_sidecar() -> None:
    """What a policy derives for speed is no part of it."""
    policy = Policy(routes=(FULL,))
    assert policy.route_for("a.example.com") is FULL
    assert FULL.prefixes
    assert FULL.query_rule is not None
    start = Start(identity="a-12345", policy=policy, exit=Exit(unix="/run/exit"))

    assert from_json(to_json(start)) == start


def test_the_ca_is_not_shown() -> None:
    assert "PEM" not in repr(FULL)


@pytest.mark.parametrize(
    "route",
    [
        Route(host=""),
        Route(host="Example.com"),
        Route(host="*"),
        Route(host="a", path_allowlist=("/a/../b",)),
        Route(host="a", ssrf_ip_allowlist=("10.0.0.1/8",)),
        Route(host="a", tls_passthrough=True, auth=BEARER),
        Route(host="a", tls_passthrough=True, path_allowlist=("/",)),
        Route(host="a", tls_passthrough=True, methods=("GET",)),
        Route(host="a", tls_passthrough=True, query=()),
        Route(host="a", tls_passthrough=True, scheme=Scheme.HTTP),
    ],
)
def test_a_policy_with_a_malformed_route_cannot_be_made(route: Route) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each part words its own
        Policy(routes=(route,))


def test_a_host_has_one_route() -> None:
    with pytest.raises(ValueError, match="more than one route for a, b"):
        Policy(routes=(Route(host="b"), Route(host="a"), Route(host="a"), Route(host="b")))


@pytest.mark.parametrize("host", ["api.anthropic.com", "*.openai.com"])
def test_a_budget_is_not_kept_where_the_api_is_not_looked_into(host: str) -> None:
    passed = Route(host=host, tls_passthrough=True)
    Policy(routes=(passed,))
    Policy(routes=(Route(host="a.test", tls_passthrough=True),), budget=Budget(requests=1))
    with pytest.raises(ValueError, match="cannot be read"):
        Policy(routes=(passed,), budget=Budget(requests=1))
