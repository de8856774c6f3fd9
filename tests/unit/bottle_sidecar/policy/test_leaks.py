"""What a route makes of findings, and which names look too random to leave."""

import pytest

from bottle_sidecar.policy.decide import Request, Rule, Verdict, decide
from bottle_sidecar.policy.dlp.findings import Depth, Finding
from bottle_sidecar.policy.document import Auth, AuthScheme, Dlp, Policy, Route
from bottle_sidecar.policy.explain import refusal_body
from bottle_sidecar.policy.leaks import Handling, judge_host, judge_names, unreadable, with_finding

AUTH = Auth(scheme=AuthScheme.BEARER, token_ref="MINE")
PLAIN, WARN, OFF = (Route(host="api.test", dlp=dlp) for dlp in (None, Dlp.WARN, Dlp.OFF))
OWN = Route(host="api.test", auth=AUTH)
PROVIDER = Route(host="api.test", auth=AUTH, provider_api=True)
NOISE = "q7Xw2Lm9Kt4Rv8Bn3Pd6Hs1Gj5Fc0Ya2Te4Zu7Io9Vb3Nx6Cy8Qs1Wd5Mk0Rp2"
FINDING = Finding(rule="entropy", place="url", digest="0123456789ab")


def request(target: str = "/", host: str = "api.test") -> Request:
    return Request(
        method="GET",
        scheme="https",
        connect_host=host,
        connect_port=443,
        sni=host,
        authority=host,
        target=target,
    )


def judged(route: Route, asked: Request) -> Verdict:
    return judge_names(decide(Policy(routes=(route,)), asked), asked)


@pytest.mark.parametrize("target", [f"/{NOISE}", f"/x/{NOISE}.png", f"/?q={NOISE}"])
def test_noise_in_a_url(target: str) -> None:
    barred = judged(PLAIN, request(target))
    assert (barred.allowed, barred.rule) == (False, Rule.SECRET)
    assert NOISE not in str(refusal_body(barred, request(target), "demo-abcde"))
    noted = judged(WARN, request(target))
    assert noted.allowed
    assert noted.finding is not None
    for route in (OFF, PROVIDER):
        assert judged(route, request(target)).finding is None


def test_noise_in_a_name_that_the_agent_chose() -> None:
    noise = f"{NOISE[:40].lower()}.api.test"
    verdict = judged(Route(host="*.api.test"), request(host=noise))
    assert (verdict.rule, verdict.host) == (Rule.SECRET, "*.api.test")
    assert judged(Route(host=noise), request(host=noise)).allowed
    allowed = Verdict(allowed=True, rule=Rule.ALLOWED, reason="", route=Route(host="*.api.test"))
    assert not judge_host(allowed, noise).allowed
    assert judge_host(allowed, "www.api.test") is allowed


def test_a_refusal_stays_what_it_is() -> None:
    refused = decide(Policy(), request(f"/{NOISE}"))
    assert judge_names(refused, request(f"/{NOISE}")) is refused


def test_what_a_route_makes_of_a_finding() -> None:
    verdict = decide(Policy(routes=(PLAIN,)), request())
    assert with_finding(verdict, FINDING).rule is Rule.SECRET
    noted = with_finding(decide(Policy(routes=(WARN,)), request()), FINDING)
    assert (noted.allowed, noted.finding) == (True, FINDING)


def test_unreadable() -> None:
    verdict = unreadable(judged(PLAIN, request()), "its content encoding is not known")
    assert (verdict.allowed, verdict.rule) == (False, Rule.UNREADABLE)
    assert "gzip" in refusal_body(verdict, request(), "x")["how_to_ask"]


class TestHandling:
    @pytest.mark.parametrize(
        ("route", "action", "depth"),
        [
            (PLAIN, Dlp.BLOCK, Depth.FULL),
            (WARN, Dlp.WARN, Depth.FULL),
            (OFF, Dlp.OFF, Depth.FULL),
            (PROVIDER, Dlp.BLOCK, Depth.KNOWN),
            (Route(host="api.test", provider_api=True, dlp=Dlp.BLOCK), Dlp.BLOCK, Depth.FULL),
        ],
    )
    def test_what_a_route_says(self, route: Route, action: Dlp, depth: Depth) -> None:
        handling = Handling.of(route, frozenset())
        assert (handling.action, handling.depth) == (action, depth)

    def test_whose_honeytokens_belong_there(self) -> None:
        everybody = frozenset({"MINE", "OTHER"})
        assert not Handling.of(PLAIN, everybody).own_in_body
        assert Handling.of(OWN, everybody).own_in_body == {"MINE"}
        assert Handling.of(PROVIDER, everybody).own == {"MINE"}
        assert Handling.of(PROVIDER, everybody).own_in_body == everybody
        stranger = Route(host="api.test", provider_api=True)
        assert not Handling.of(stranger, everybody).own_in_body
