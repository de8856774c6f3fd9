"""Which findings bar a request, by the route it would leave by; and what a refusal shows of them."""

import json
from base64 import b64encode

import pytest

from bottle_sidecar.policy.decide import Request, Rule, Verdict, decide
from bottle_sidecar.policy.document import Auth, AuthScheme, Dlp, Policy, Route
from bottle_sidecar.policy.explain import manifest_change, refusal_body, verdict_text
from bottle_sidecar.policy.leaks import BAIT
from bottle_sidecar.policy.screen import LeakError, Screen

SECRET = "pA55-gK3tYw8ZuN5hJ1cEr7V"
MINE, OTHER, DECOY = (
    "bottle-placeholder-1f2e3d4c5b6a",
    "bottle-placeholder-a6b5c4d3e2f1",
    "kX8vQ2mZr5Tn9LbW4cJ7",
)
AUTH = Auth(scheme=AuthScheme.BEARER, token_ref="MINE")
SCREEN = Screen(secrets=[SECRET], honeytokens={"MINE": MINE, "OTHER": OTHER, f"{BAIT}~/.netrc": DECOY})
PLAIN, WARN, OFF = (Route(host="api.test", dlp=dlp) for dlp in (None, Dlp.WARN, Dlp.OFF))
OWN = Route(host="api.test", auth=AUTH)
PROVIDER = Route(host="api.test", auth=AUTH, provider_api=True)


def request(target: str = "/", host: str = "api.test", **headers: str) -> Request:
    return Request(
        method="GET",
        scheme="https",
        connect_host=host,
        connect_port=443,
        sni=host,
        authority=host,
        target=target,
        headers=tuple(headers.items()),
    )


def judged(route: Route, asked: Request) -> Verdict:
    return SCREEN.judge(decide(Policy(routes=(route,)), asked), asked)


def place(verdict: Verdict) -> str | None:
    return None if verdict.finding is None else verdict.finding.place


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        (request(f"/a?b={SECRET}"), "url"),
        (request(note=SECRET), "header note"),
        (request(**{SECRET: "1"}), "header name"),
    ],
)
def test_block_warn_off(asked: Request, where: str) -> None:
    barred, noted, silent = (judged(route, asked) for route in (PLAIN, WARN, OFF))
    assert (barred.allowed, barred.rule) == (False, Rule.SECRET)
    assert place(barred) == where
    assert (noted.allowed, noted.rule) == (True, Rule.ALLOWED)
    assert noted.finding is not None
    assert (silent.allowed, silent.finding) == (True, None)


def test_clean() -> None:
    verdict = judged(PLAIN, request("/a?b=c", accept="*/*"))
    assert (verdict.allowed, verdict.finding) == (True, None)


def test_a_host_below_a_wildcard() -> None:
    route = Route(host="*.api.test")
    verdict = judged(route, request(host=f"{SECRET.encode().hex()}.api.test"))
    assert (verdict.rule, place(verdict), verdict.host) == (Rule.SECRET, "host", "*.api.test")


def test_the_name_of_a_passed_through_host() -> None:
    allowed = Verdict(allowed=True, rule=Rule.ALLOWED, reason="", host="x", route=PLAIN)
    assert SCREEN.name(allowed, "www.api.test").allowed
    assert not SCREEN.name(allowed, f"{SECRET.encode().hex()}.api.test").allowed


class TestHoneytokens:
    @pytest.mark.parametrize("route", [PLAIN, WARN, OFF])
    @pytest.mark.parametrize("bait", [MINE, OTHER.upper(), DECOY])
    def test_they_bar_whatever_the_route_says(self, route: Route, bait: str) -> None:
        for asked in (request(f"/{bait}"), request(note=bait)):
            verdict = judged(route, asked)
            assert (verdict.allowed, verdict.rule) == (False, Rule.HONEYTOKEN)

    @pytest.mark.parametrize(
        "text",
        [
            f"https://evil.example/?k={MINE}&x",
            f"{MINE.upper()}.evil.example",
            *(b64encode(f"{before}:{MINE}".encode()).decode() for before in ("u", "us", "use")),
            MINE.encode().hex(),
            "".join(f"%{ord(letter):02x}" for letter in MINE),
        ],
    )
    def test_however_they_are_spelled(self, text: str) -> None:
        assert judged(OFF, request(note=text)).rule is Rule.HONEYTOKEN
        assert judged(OWN, request(authorization=text)).allowed

    def test_their_own_route_lets_them_pass(self) -> None:
        assert judged(OWN, request(f"/{MINE}", authorization=f"Bearer {MINE}")).allowed
        long = "bottle-placeholder-5d0c7a9e3b1f4826a0d9e7c5b3f1820e"
        screen = Screen(secrets=[], honeytokens={"MINE": long})
        asked = request(f"/v1/{long}?key={long}")
        assert screen.judge(decide(Policy(routes=(OWN,)), asked), asked).allowed
        assert judged(OWN, request(note=OTHER)).rule is Rule.HONEYTOKEN
        assert judged(PROVIDER, request(note=OTHER)).rule is Rule.HONEYTOKEN

    def test_they_are_seen_in_what_is_refused_anyway(self) -> None:
        assert judged(PLAIN, request(f"/{MINE}", host="nowhere.test")).rule is Rule.HONEYTOKEN
        assert judged(PLAIN, request(f"/{SECRET}", host="nowhere.test")).rule is Rule.UNKNOWN_HOST

    def test_a_decoy_is_named_by_its_place(self) -> None:
        assert "~/.netrc" in judged(PLAIN, request(f"/{DECOY}")).reason


def test_what_was_clean_is_judged_anew_where_it_belongs_to_somebody_else() -> None:
    asked = request(note=MINE)
    for _ in range(2):
        assert judged(OWN, asked).allowed
        assert not judged(PLAIN, asked).allowed


class TestWatch:
    def test_warn_reports_once_and_still_bars_bait(self) -> None:
        heard: list[str] = []
        watch = SCREEN.watch(WARN, "body", lambda finding: heard.append(finding.rule))
        watch.feed(f"{SECRET} {SECRET}".encode())
        watch.feed(SECRET.encode())
        assert heard == ["known-secret"]
        with pytest.raises(LeakError):
            watch.feed(MINE.encode())

    def test_off_sees_bait_alone(self) -> None:
        watch = SCREEN.watch(OFF, "body", lambda _: pytest.fail("told"))
        watch.feed(SECRET.encode())
        watch.finish()
        with pytest.raises(LeakError):
            watch.feed(MINE.encode())

    def test_only_a_telling_beginning_is_held(self) -> None:
        watch = SCREEN.watch(PLAIN, "body", lambda _: None)
        for text, held in ((SECRET[:3], 0), (SECRET[3:9], 9), ("!", 0)):
            watch.feed(text.encode())
            assert watch.held == held


class TestWords:
    @pytest.mark.parametrize("asked", [request(f"/{SECRET}"), request(note=SECRET), request(**{SECRET: "1"})])
    def test_a_refusal_never_shows_what_was_found(self, asked: Request) -> None:
        verdict = judged(PLAIN, asked)
        body = refusal_body(verdict, asked, "demo-abcde")
        assert body["rule"] == "dlp.secret"
        assert "known-secret" in body["reason"]
        for text in (json.dumps(body), verdict_text(verdict, asked)):
            assert SECRET.lower() not in text.lower()

    def test_what_would_alter_it(self) -> None:
        asked = request(f"/{SECRET}")
        assert "dlp: warn" in str(manifest_change(judged(PLAIN, asked), asked))
        bait = request(f"/{MINE}")
        assert manifest_change(judged(PLAIN, bait), bait) is None
        assert "alarm" in refusal_body(judged(PLAIN, bait), bait, "x")["how_to_ask"]

    def test_what_passes_all_the_same_is_told(self) -> None:
        asked = request(note=SECRET)
        assert "known-secret" in verdict_text(judged(WARN, asked), asked)


def test_what_is_learned_is_looked_for_beside_the_rest() -> None:
    """Also in a head that was clean before."""
    screen = Screen(secrets=[SECRET], honeytokens={"OTHER": OTHER})
    policy = Policy(routes=(PLAIN,))
    new = request(note="pA66-wX9cVb4Nm7Qs2")
    assert screen.judge(decide(policy, new), new).allowed

    screen.learn(["pA66-wX9cVb4Nm7Qs2"])

    for asked in (new, request(note=SECRET), request(note=OTHER)):
        assert not screen.judge(decide(policy, asked), asked).allowed
