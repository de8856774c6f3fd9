import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bottle_sidecar.policy.decide import Request, Rule, Verdict, decide
from bottle_sidecar.policy.document import Policy, Route, Scheme
from bottle_sidecar.policy.explain import manifest_change, refusal_body, verdict_text

POLICY = Policy(
    routes=(
        Route(host="api.example.com", path_allowlist=("/v1",), methods=("GET",), origin="provider claude"),
        Route(host="*.example.org", query=(("ref", "main"), ("per", "[0-9]"))),
        Route(host="plain.example.com", scheme=Scheme.HTTP),
    )
)


def request(host: str = "api.example.com", target: str = "/v1", method: str = "GET") -> Request:
    return Request(
        method=method,
        scheme="https",
        connect_host=host,
        connect_port=443,
        sni=None,
        authority=host,
        target=target,
    )


def plain(host: str) -> Request:
    return evolve(request(host), scheme="http", connect_host=None, connect_port=None)


def changed_policy(change: str) -> Policy:
    """The policy with the keys of a manifest change put over the route of the same host."""
    keys: dict[str, Any] = YAML(typ="safe").load(change)["egress"]["routes"][0]
    if "query" in keys:
        keys["query"] = tuple(keys["query"].items())
    keys = {key: tuple(value) if isinstance(value, list) else value for key, value in keys.items()}
    if "scheme" in keys:
        keys["scheme"] = Scheme(keys["scheme"])
    old = {route.host: route for route in POLICY.routes}
    host = keys.pop("host")
    return Policy(routes=(*({**old, host: evolve(old.get(host, Route(host=host)), **keys)}.values()),))


MENDABLE = {
    "unknown host": request("new.example.net"),
    "unknown host over http": plain("new.example.net"),
    "path": request(target="/v2/x%2Fy"),
    "root path": request(target="/"),
    "overlong path": request(target="/v2/" + "x" * 600),
    "method": request(method="POST"),
    "scheme http": plain("api.example.com"),
    "scheme https": request("plain.example.com"),
    "query value": request("a.example.org", "/?ref=other&per=1"),
    "query missing": request("a.example.org", "/?ref=main"),
    "query unlisted": request("a.example.org", "/?ref=main&per=1&%22x%5C:%F0%9F%98%80=hidden"),
    "query none": request("a.example.org", "/"),
}


@pytest.mark.parametrize("asked", MENDABLE.values(), ids=MENDABLE.keys())
def test_the_change_shown_takes_the_refusal_away(asked: Request) -> None:
    verdict = decide(POLICY, asked)
    change = manifest_change(verdict, asked)
    assert change is not None
    assert "hidden" not in change

    assert decide(changed_policy(change), asked).allowed
    assert change.rstrip() in verdict_text(verdict, asked)
    assert change in refusal_body(verdict, asked, "a-12345")["how_to_ask"]


@pytest.mark.parametrize(
    "asked",
    [
        evolve(request(), authority="evil.example.net"),
        evolve(request(), authority="a b"),
        request(method="TRACE"),
        request(target="/v1/../x"),
        request(target="*"),
        request("a.example.org", "/?ref=main;x"),
        request("a.example.org", "/?ref=main&ref=main"),
        request("a.example.org", "/?" + "x" * 600),
        request(target="/" + "x" * 600),
        evolve(request(), scheme="ftp"),
        evolve(request(), connect_port=22),
    ],
)
def test_no_change_is_shown_where_none_would_help(asked: Request) -> None:
    verdict = decide(POLICY, asked)

    assert not verdict.allowed
    assert manifest_change(verdict, asked) is None
    assert "the request itself must change" in verdict_text(verdict, asked)
    assert "the request itself must change" in refusal_body(verdict, asked, "a-12345")["how_to_ask"]


def test_a_refused_address_can_be_listed() -> None:
    route = Route(host="intranet.example", ssrf_ip_allowlist=("10.0.0.4",))
    verdict = Verdict(
        allowed=False, rule=Rule.ADDRESS, reason="r.", host=route.host, route=route, address="10.0.0.5"
    )
    change = manifest_change(verdict, request())

    assert change is not None
    assert YAML(typ="safe").load(change)["egress"]["routes"] == [
        {"host": "intranet.example", "pipelock": {"ssrf_ip_allowlist": ["10.0.0.4", "10.0.0.5"]}}
    ]


def test_where_the_address_is_not_known_the_key_is_named() -> None:
    verdict = Verdict(allowed=False, rule=Rule.ADDRESS, reason="r.", host="intranet.example")

    assert manifest_change(verdict, request()) is None
    assert "ssrf_ip_allowlist" in verdict_text(verdict, request())
    assert "ssrf_ip_allowlist" in refusal_body(verdict, request(), "a-12345")["how_to_ask"]


def test_an_allowed_request_needs_no_change() -> None:
    verdict = decide(POLICY, request(target="/v1/x?q=hidden"))

    assert manifest_change(verdict, request()) is None
    assert verdict_text(verdict, request()).splitlines() == [
        "allowed: The route for api.example.com allows it.",
        "rule: route.allowed",
        "route: api.example.com (from provider claude)",
        "path judged: /v1/x",
    ]


def test_a_refusal_says_who_refused_what_by_which_rule() -> None:
    asked = request(target="/v2/x?key=hidden")
    body = refusal_body(decide(POLICY, asked), asked, "dev-ab3de")

    assert "hidden" not in json.dumps(body)
    assert body["type"] == "error"
    assert body["error"]["code"] == body["rule"] == "route.path"
    assert body["refused_by"] == "bot-bottle sidecar of bottle dev-ab3de"
    assert body["refused_by"] in body["error"]["message"]
    assert body["reason"] in body["error"]["message"]
    assert (body["host"], body["method"], body["path"]) == ("api.example.com", "GET", "/v2/x")


@given(st.text(max_size=2000), st.text(max_size=80), st.text(max_size=80))
def test_a_refusal_is_short_printable_ascii(target: str, method: str, host: str) -> None:
    asked = request(host, target, method)
    verdict = decide(POLICY, asked)
    body = refusal_body(verdict, asked, "a-12345")

    assert all(len(str(text)) < 6000 for text in body.values())
    for text in (body["method"], body["path"], body["reason"]):
        assert text.isascii()
        assert text.isprintable()
    assert all(line.isascii() and line.isprintable() for line in verdict_text(verdict, asked).splitlines())


def test_a_refusal_by_the_budget_says_who_may_raise_it() -> None:
    verdict = Verdict(
        allowed=False, rule=Rule.BUDGET, reason="It is spent.", hint="The operator may raise it."
    )
    body = refusal_body(verdict, request(), "dev-abcde")

    assert body["how_to_ask"] == "The operator may raise it."
    assert body["error"]["message"].endswith("It is spent. The operator may raise it.")
