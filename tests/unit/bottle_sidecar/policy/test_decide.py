import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bottle_sidecar.policy.budget import Budget
from bottle_sidecar.policy.decide import (
    ConnectAction,
    Request,
    Rule,
    decide,
    decide_connect,
    decide_tunnel,
)
from bottle_sidecar.policy.document import Policy, Route, Scheme

POLICY = Policy(
    routes=(
        Route(host="api.example.com", path_allowlist=("/v1",), methods=("GET", "POST")),
        Route(host="*.example.org"),
        Route(host="query.example.com", query=(("ref", "main"),)),
        Route(host="plain.example.com", scheme=Scheme.HTTP),
        Route(host="pinned.example.com", tls_passthrough=True),
        Route(host="10.0.0.5"),
        Route(host="fd12::5"),
        Route(host="only-get.example.com", methods=("GET",)),
    )
)


def request(
    host: str = "api.example.com", target: str = "/v1/messages?beta=true", method: str = "GET"
) -> Request:
    return Request(
        method=method,
        scheme="https",
        connect_host=host,
        connect_port=443,
        sni=host,
        authority=host,
        target=target,
    )


def plain(host: str = "plain.example.com") -> Request:
    return evolve(request(host, "/"), scheme="http", connect_host=None, connect_port=None, sni=None)


def rule(asked: Request) -> Rule:
    return decide(POLICY, asked).rule


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        request(target="/v1"),
        request("a.b.example.org", "/anything/../at//all?x=%"),
        request("query.example.com", "/?ref=main"),
        request("pinned.example.com"),
        plain(),
        evolve(
            request(), authority="api.example.com:443", sni="API.example.com.", connect_host="api.EXAMPLE.com"
        ),
        evolve(request(), sni=None, other_authorities=("api.example.com", "API.example.com:443")),
        evolve(plain(), connect_host="plain.example.com", connect_port=80),
        evolve(request("10.0.0.5", "/"), sni=None),
        evolve(request("fd12::5", "/"), sni=None, authority="[fd12:0::5]:443"),
        evolve(request(), headers=(("X-HTTP-Method-Override", "POST"), ("X-Other", "1"))),
        evolve(request("a.example.org"), headers=(("X-Original-URL", "/x"), ("X-HTTP-Method", "DELETE"))),
        evolve(request("only-get.example.com"), headers=(("X-Original-URL", "/x"),)),
    ],
)
def test_what_a_route_grants_passes(asked: Request) -> None:
    verdict = decide(POLICY, asked)

    assert verdict.allowed
    assert verdict.rule is Rule.ALLOWED
    assert verdict.route is not None
    assert verdict.route.host in verdict.reason


REFUSED = {
    "unknown host": (request("evil.example.net"), Rule.UNKNOWN_HOST),
    "apex of a wildcard": (request("example.org"), Rule.UNKNOWN_HOST),
    "lookalike of a wildcard": (request("evil-example.org"), Rule.UNKNOWN_HOST),
    "unknown address": (request("10.0.0.6"), Rule.UNKNOWN_HOST),
    "path": (request(target="/v10"), Rule.PATH),
    "path with dots": (request(target="/v1/../x"), Rule.AMBIGUOUS_PATH),
    "path in absolute form": (request(target="https://api.example.com/v1"), Rule.MALFORMED_TARGET),
    "path with a fragment": (request(target="/v1#/x"), Rule.MALFORMED_TARGET),
    "asterisk": (request("a.example.org", "*", "OPTIONS"), Rule.MALFORMED_TARGET),
    "method": (request(method="DELETE"), Rule.METHOD),
    "method in lower case": (request(method="get"), Rule.METHOD),
    "TRACE": (request("a.example.org", method="TRACE"), Rule.FORBIDDEN_METHOD),
    "trace": (request("a.example.org", method="trace"), Rule.FORBIDDEN_METHOD),
    "TRACK": (request("a.example.org", method="TRACK"), Rule.FORBIDDEN_METHOD),
    "CONNECT in the tunnel": (request("a.example.org", method="CONNECT"), Rule.FORBIDDEN_METHOD),
    "method with a space": (request("a.example.org", method="GET /x"), Rule.FORBIDDEN_METHOD),
    "method with a line break": (request("a.example.org", method="GET\n"), Rule.FORBIDDEN_METHOD),
    "empty method": (request("a.example.org", method=""), Rule.FORBIDDEN_METHOD),
    "query": (request("query.example.com", "/?ref=evil"), Rule.QUERY),
    "query missing": (request("query.example.com", "/"), Rule.QUERY),
    "query in two readings": (request("query.example.com", "/?ref=main;x=1"), Rule.AMBIGUOUS_QUERY),
    "other Host": (evolve(request(), authority="evil.example.net"), Rule.HOST_MISMATCH),
    "other allowed Host": (evolve(request(), authority="a.example.org"), Rule.HOST_MISMATCH),
    "other SNI": (evolve(request(), sni="a.example.org"), Rule.HOST_MISMATCH),
    "other CONNECT": (evolve(request(), connect_host="a.example.org"), Rule.HOST_MISMATCH),
    "second Host": (evolve(request(), other_authorities=("a.example.org",)), Rule.HOST_MISMATCH),
    "no Host": (evolve(request(), authority=""), Rule.MALFORMED_HOST),
    "userinfo": (evolve(request(), authority="api.example.com@evil.example.net"), Rule.MALFORMED_HOST),
    "userinfo of the host": (evolve(request(), authority="x@api.example.com"), Rule.MALFORMED_HOST),
    "Host list": (evolve(request(), authority="api.example.com, evil.example.net"), Rule.MALFORMED_HOST),
    "Host with a path": (evolve(request(), authority="api.example.com/x"), Rule.MALFORMED_HOST),
    "second Host malformed": (evolve(request(), other_authorities=("x y",)), Rule.MALFORMED_HOST),
    "SNI malformed": (evolve(request(), sni="a b"), Rule.MALFORMED_HOST),
    "octal address": (request("0177.0.0.1"), Rule.MALFORMED_HOST),
    "CONNECT port": (evolve(request(), connect_port=8443), Rule.PORT),
    "Host port": (evolve(request(), authority="api.example.com:8443"), Rule.PORT),
    "Host port of http": (evolve(request(), authority="api.example.com:80"), Rule.PORT),
    "second Host's port": (evolve(request(), other_authorities=("api.example.com:1",)), Rule.PORT),
    "http to an https route": (plain("a.example.org"), Rule.SCHEME),
    "http in a tunnel": (
        evolve(request("a.example.org"), scheme="http", connect_port=80, sni=None),
        Rule.SCHEME,
    ),
    "http in a tunnel to 443": (evolve(request(), scheme="http", sni=None), Rule.PORT),
    "https to an http route": (request("plain.example.com"), Rule.SCHEME),
    "https without CONNECT": (evolve(request(), connect_host=None, connect_port=None), Rule.SCHEME),
    "other scheme": (evolve(request(), scheme="ftp"), Rule.SCHEME),
    "pass-through over http": (plain("pinned.example.com"), Rule.PASSTHROUGH),
    "method override": (evolve(request(), headers=(("x-http-method-override", "DELETE"),)), Rule.OVERRIDE),
    "method override, second": (evolve(request(), headers=(("X-Method-Override", "PUT"),)), Rule.OVERRIDE),
    "method override in underscores": (evolve(request(), headers=(("X_HTTP_Method", "PUT"),)), Rule.OVERRIDE),
    "path override": (evolve(request(), headers=(("X-Original-URL", "/admin"),)), Rule.OVERRIDE),
    "path override, second": (evolve(request(), headers=(("X-Rewrite-Url", "/admin"),)), Rule.OVERRIDE),
}


@pytest.mark.parametrize(("asked", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_route_grants_is_refused(asked: Request, expected: Rule) -> None:
    verdict = decide(POLICY, asked)

    assert not verdict.allowed
    assert verdict.rule is expected
    assert verdict.reason.endswith(".")


def test_a_verdict_says_what_was_judged() -> None:
    refused = decide(POLICY, request(target="/v2/x%2f?token=hidden"))

    assert refused.host == "api.example.com"
    assert refused.route is POLICY.routes[0]
    assert refused.path == "/v2/x%2F"
    assert refused.hint is not None
    assert "hidden" not in repr(refused)


@given(st.text(), st.text(), st.text(), st.text())
def test_any_request_gets_a_printable_answer(method: str, host: str, authority: str, target: str) -> None:
    asked = evolve(request(host, target, method), authority=authority)
    verdict = decide(POLICY, asked)

    assert not verdict.allowed
    assert verdict.reason.isascii()
    assert verdict.reason.isprintable()


@pytest.mark.parametrize(
    ("host", "port", "action"),
    [
        ("api.example.com", 443, ConnectAction.INTERCEPT),
        ("API.example.com.", 443, ConnectAction.INTERCEPT),
        ("api.example.com", 22, ConnectAction.INTERCEPT),
        ("evil.example.net", 443, ConnectAction.INTERCEPT),
        ("10.0.0.6", 443, ConnectAction.INTERCEPT),
        ("pinned.example.com", 443, ConnectAction.TUNNEL),
        ("pinned.example.com", 22, ConnectAction.REFUSE),
        ("a b", 443, ConnectAction.REFUSE),
        ("0x7f.1", 443, ConnectAction.REFUSE),
        ("", 443, ConnectAction.REFUSE),
    ],
)
def test_a_connect_is_intercepted_unless_it_cannot_be(host: str, port: int, action: ConnectAction) -> None:
    verdict = decide_connect(POLICY, host, port)

    assert verdict.action is action
    assert (verdict.refusal is not None) is (action is ConnectAction.REFUSE)


def test_a_connect_verdict_names_host_and_route() -> None:
    verdict = decide_connect(POLICY, "PINNED.example.com.", 443)

    assert (verdict.host, verdict.route) == ("pinned.example.com", POLICY.routes[4])


@pytest.mark.parametrize(
    ("host", "sni", "expected"),
    [
        ("pinned.example.com", "Pinned.example.com", Rule.ALLOWED),
        ("pinned.example.com", "evil.example.net", Rule.HOST_MISMATCH),
        ("pinned.example.com", "api.example.com", Rule.HOST_MISMATCH),
        ("pinned.example.com", None, Rule.HOST_MISMATCH),
        ("pinned.example.com", "a b", Rule.MALFORMED_HOST),
        ("api.example.com", "api.example.com", Rule.UNKNOWN_HOST),
        ("evil.example.net", "evil.example.net", Rule.UNKNOWN_HOST),
    ],
)
def test_a_tunnel_goes_on_only_with_the_hosts_own_name(host: str, sni: str | None, expected: Rule) -> None:
    verdict = decide_tunnel(POLICY, host, sni)

    assert verdict.rule is expected
    assert verdict.allowed is (expected is Rule.ALLOWED)


def test_with_a_budget_nothing_is_spent_that_no_answer_tells() -> None:
    free = Policy(routes=(Route(host="api.openai.com"), Route(host="a.test")))
    kept = evolve(free, budget=Budget(requests=1))
    batch, call = (request("api.openai.com", path, "POST") for path in ("/v1/batches?x=1", "/v1/responses"))

    assert decide(free, batch).allowed
    assert decide(kept, batch).rule is Rule.UNCOUNTED
    assert decide(kept, call).allowed
    assert decide(kept, evolve(batch, method="GET")).allowed
    assert decide(kept, request("a.test", "/v1/batches", "POST")).allowed
