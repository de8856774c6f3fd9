from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.manifest import routes
from bottle.manifest.problems import Invalid, InvalidManifestError, Problem
from bottle.manifest.schema import RouteSpec
from bottle.manifest.structure import Structurer
from bottle_sidecar.policy.document import Auth, AuthScheme, Dlp, Policy, Scheme

STRUCTURER = Structurer(user_home=Path("/home/op"), cwd=Path("/cwd"))


def load(*lines: str) -> tuple[tuple[RouteSpec, ...], tuple[Problem, ...]]:
    text = "\n".join(["---", "egress:", "  routes:", *(f"    {line}" for line in lines), "---", ""])
    manifest, warnings = STRUCTURER.bottle("b", Path("/home/op/.bot-bottle/bottles/b.md"), text.encode())
    return manifest.egress.routes, warnings


def one(*lines: str) -> RouteSpec:
    (spec,), warnings = load(*lines)
    assert warnings == ()
    return spec


def failure_of(*lines: str) -> str:
    with pytest.raises(InvalidManifestError) as raised:
        load(*lines)
    return str(raised.value)


def test_a_bare_route_leaves_everything_open_but_the_host() -> None:
    spec = one("- host: api.example.com")

    assert spec.declared == {"host"}
    assert spec.ca_file is None
    route = spec.route
    assert (route.host, route.scheme, route.path_allowlist, route.methods) == (
        "api.example.com",
        Scheme.HTTPS,
        (),
        (),
    )
    assert (route.query, route.auth, route.dlp, route.tls_passthrough) == (None, None, None, False)
    assert (route.ssrf_ip_allowlist, route.address, route.ca_pem) == ((), None, None)


def test_declared_keys_tell_a_default_from_a_choice() -> None:
    spec = one(
        "- host: a.example.com", "  dlp: block", "  scheme: https", "  pipelock: {tls_passthrough: false}"
    )

    assert spec.declared == {"host", "dlp", "scheme", "pipelock.tls_passthrough"}
    assert spec.route.dlp is Dlp.BLOCK


def test_an_empty_query_allows_no_parameter() -> None:
    assert one("- host: a.example.com", "  query: {}").route.query == ()


def test_a_query_pattern_is_the_text_that_was_written() -> None:
    query = one("- host: a.example.com", "  query: {page: 1, on: yes, x: 1_0, f: 1.10}").route.query

    assert query == (("page", "1"), ("on", "yes"), ("x", "1_0"), ("f", "1.10"))


@pytest.mark.parametrize(
    ("scheme", "auth"),
    [
        ("Bearer", Auth(scheme=AuthScheme.BEARER, token_ref="T")),
        ("token", Auth(scheme=AuthScheme.TOKEN, token_ref="T")),
        ("basic", Auth(scheme=AuthScheme.BASIC, token_ref="T")),
        ("header:X-Api-Key", Auth(scheme=AuthScheme.HEADER, token_ref="T", header="X-Api-Key")),
    ],
)
def test_auth_schemes(scheme: str, auth: Auth) -> None:
    assert one("- host: a.example.com", f"  auth: {{scheme: '{scheme}', token_ref: T}}").route.auth == auth


def test_routes_may_share_a_token() -> None:
    lines = [f"- {{host: {name}.example.com, auth: {{scheme: Bearer, token_ref: T}}}}" for name in "ab"]

    specs, warnings = load(*lines)

    assert {spec.route.auth.token_ref for spec in specs if spec.route.auth} == {"T"}
    assert warnings == ()


def test_a_ca_file_is_relative_to_the_manifest_never_to_the_current_directory() -> None:
    spec = one("- host: a.example.com", "  ca_file: ca.pem")

    assert spec.ca_file == Path("/home/op/.bot-bottle/bottles/ca.pem")


def test_an_exact_host_and_a_wildcard_over_it_are_two_routes() -> None:
    specs, _ = load("- host: a.example.com", "- host: '*.example.com'", "- host: example.com")

    assert [spec.route.host for spec in specs] == ["a.example.com", "*.example.com", "example.com"]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("API.Example.COM", "api.example.com"),
        ("api.example.com.", "api.example.com"),
        ("*.Example.com", "*.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("localhost", "localhost"),
        ("my_host.example.com", "my_host.example.com"),
        ("1.1.1.1", "1.1.1.1"),
        ("2606:4700:4700::1111", "2606:4700:4700::1111"),
        ("[2606:4700:4700:0::1111]", "2606:4700:4700::1111"),
        ("a.bottle.example", "a.bottle.example"),
    ],
)
def test_hosts(text: str, host: str) -> None:
    assert routes.host_pattern(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "**.example.com",
        "*.*.example.com",
        "a*.example.com",
        "*.",
        ".",
        "a..b",
        "-a.example",
        "http://a.example",
        "a.example:443",
        "a.example/x",
        "u@a.example",
        "[::1]:443",
        "a b",
        "a\tb",
        "a\0",
        "127.1",
        "0x7f000001",
        "1.2.3.4.5",
        "256.1.1.1",
        "*.1.2.3.4",
        "fe80::1%eth0",
        "faß.de",
        "x" * 64,
        "gate.bottle",
        "*.bottle",
        "SUPERVISE.BOTTLE.",
        "bottle",
        "a,b",
        "a;b",
        "a\\b",
        "a?b",
        "a#b",
        "http:a",
        "//a",
    ],
)
def test_hosts_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        routes.host_pattern(text)


def test_a_private_address_as_host_needs_the_guard_told() -> None:
    assert "would always be refused" in failure_of("- host: 10.0.0.5")
    assert one("- host: 10.0.0.5", "  pipelock: {ssrf_ip_allowlist: [10.0.0.0/8]}").route.host == "10.0.0.5"
    assert one("- host: 10.0.0.5", "  address: gateway.example:443").route.address == "gateway.example:443"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.5:8443", "10.0.0.5:8443"),
        ("Host.Example:443", "host.example:443"),
        ("[FD00:0::5]:1", "[fd00::5]:1"),
        ("localhost:65535", "localhost:65535"),
    ],
)
def test_addresses(text: str, address: str) -> None:
    assert routes.dial_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "a",
        "a:",
        ":443",
        "a:0",
        "a:65536",
        "a:0443",
        "a:-1",
        "a:+1",
        "a: 1",
        "::1:443",
        "[::1]",
        "[a]:1",
        "http://a:1",
        "u@a:1",
        "a/b:1",
        "*.a:1",
        "a:\uff11",
    ],
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        routes.dial_address(text)


@pytest.mark.parametrize(
    ("text", "prefix"), [("/", "/"), ("/v1", "/v1"), ("/v1/", "/v1"), ("/a%2fb", "/a%2Fb")]
)
def test_path_prefixes(text: str, prefix: str) -> None:
    assert routes.path_prefix(text) == prefix


@pytest.mark.parametrize(
    "text", ["", "v1", "/a/../b", "/%2e%2e/", "/a\\b", "/a?b", "/a#b", "/a b", "/a/*", "/%"]
)
def test_path_prefixes_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        routes.path_prefix(text)


@pytest.mark.parametrize("text", ["GET", "M-SEARCH", "PROPFIND"])
def test_methods(text: str) -> None:
    assert routes.method(text) == text


@pytest.mark.parametrize("text", ["", "get", "GET ", "G3T", "*", "CONNECT", "-GET", "GET\r\nX"])
def test_methods_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        routes.method(text)


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("10.0.0.5/32", "10.0.0.5"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("FD00:0::5", "fd00::5"),
        ("fd00::/8", "fd00::/8"),
    ],
)
def test_networks(text: str, entry: str) -> None:
    assert routes.network(text) == entry


@pytest.mark.parametrize(
    "text", ["", "10.0.0.5/8", "0.0.0.0/0", "::/0", "fe80::1%1", "10.1", "host", "10.0.0.0/33"]
)
def test_networks_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        routes.network(text)


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        (["- host: '*.com'"], "allows every host of a whole top-level domain"),
        (
            ["- host: a.example.com", "  scheme: http", "  auth: {scheme: Bearer, token_ref: T}"],
            "the credential will travel unencrypted",
        ),
        (
            ["- host: a.example.com", "  pipelock: {ssrf_ip_allowlist: [169.254.169.254]}"],
            "allows a cloud metadata service",
        ),
    ],
)
def test_what_is_doubtful_is_a_warning_with_a_place(lines: list[str], warning: str) -> None:
    _, warnings = load(*lines)

    assert [warning in problem.message for problem in warnings] == [True]
    assert warnings[0].location.position is not None
    assert warnings[0].path[:3] == ("egress", "routes", 0)


def test_a_wrong_key_beside_a_missing_host_is_told_too() -> None:
    lines = failure_of("- dlp: off", "  hots: x", "- host: b.example.com", "  address: x").splitlines()

    assert [line.split("  ", 1)[1].split(":")[0] for line in lines] == [
        "egress.routes[0]",
        "egress.routes[0].hots",
        "egress.routes[1].address",
    ]


@given(st.text(max_size=40))
def test_whatever_is_accepted_as_a_host_is_a_valid_policy(text: str) -> None:
    try:
        host = routes.host_pattern(text)
    except Invalid:
        return
    assert routes.host_pattern(host) == host
    Policy(routes=(one(f"- host: '{host}'", "  address: x:1").route,))


@given(st.text(alphabet=st.sampled_from(list("abZ09.:-_*/@[]%\u00e9 ")), max_size=20))
def test_whatever_is_accepted_as_an_address_is_canonical(text: str) -> None:
    try:
        address = routes.dial_address(text)
    except Invalid:
        return
    assert routes.dial_address(address) == address


@given(st.text(alphabet=st.sampled_from(list("/abv1.%2eE5Cf\\;~-")), max_size=20).map("/".__add__))
def test_whatever_is_accepted_as_a_prefix_stays_itself(text: str) -> None:
    try:
        prefix = routes.path_prefix(text)
    except Invalid:
        return
    assert routes.path_prefix(prefix) == prefix
