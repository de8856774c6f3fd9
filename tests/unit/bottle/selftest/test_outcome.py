import pytest

from bottle.selftest.kit import BROKEN, HELD, THROUGH
from bottle.selftest.outcome import NOTHING, Attempted, Outcome, Report, Results, Verdict, judged, reports
from support.attacks import assault, report

GOOD = report(THROUGH, HELD)


@pytest.mark.parametrize(
    ("attempts", "control", "verdict"),
    [
        (report(HELD, HELD), GOOD, Verdict.HELD),
        (report(HELD, THROUGH), GOOD, Verdict.THROUGH),
        (report(BROKEN, THROUGH), NOTHING, Verdict.THROUGH),
        (report(HELD, BROKEN), GOOD, Verdict.BROKEN),
        (report(HELD, complaint="it died"), GOOD, Verdict.BROKEN),
        (NOTHING, GOOD, Verdict.BROKEN),
        (report(HELD), report(HELD), Verdict.BROKEN),
        (report(HELD), NOTHING, Verdict.BROKEN),
    ],
)
def test_what_attempts_and_control_mean(attempts: Report, control: Report, verdict: Verdict) -> None:
    assert judged(assault("x"), attempts, control).verdict is verdict


def test_a_control_may_have_to_show_each_attempt() -> None:
    assert judged(assault("x", every=True), report(HELD), GOOD).verdict is Verdict.BROKEN
    assert judged(assault("x", every=True), report(HELD), report(THROUGH)).verdict is Verdict.HELD


def test_what_the_host_saw_counts_for_more_than_what_the_probe_believes() -> None:
    outcome = judged(assault("x"), report(HELD), GOOD, witnesses=["1 connection came"])

    assert (outcome.verdict, outcome.reason) == (Verdict.THROUGH, "1 connection came")


def test_a_control_that_lacks_rights_is_excused_and_a_broken_probe_is_not() -> None:
    excused = judged(assault("x"), report(HELD), report(HELD), excuse="it needs root")

    assert (excused.verdict, excused.reason) == (
        Verdict.HELD,
        "its control was not shown: it needs root",
    )
    assert judged(assault("x"), report(BROKEN), report(HELD), excuse="no root").verdict is Verdict.BROKEN
    assert judged(assault("x"), report(THROUGH), report(HELD), excuse="no root").verdict is Verdict.THROUGH
    assert judged(assault("x"), report(HELD), GOOD, excuse="no root").reason == ""


def test_lines_become_reports() -> None:
    lines: list[dict[str, object]] = [
        {"begins": "m"},
        {"attack": "m", "attempt": "1", "outcome": HELD, "detail": "no"},
        {"over": True},
    ]
    found = reports(["m", "n"], lines)

    assert found["m"].attempts == (Attempted(attempt="1", outcome=HELD, detail="no"),)
    assert found["n"] is NOTHING
    assert str(found["m"].attempts[0]) == "1: held: no"


def test_an_early_end_breaks_the_attack_at_work_and_all_after_it() -> None:
    line = {"attack": "b", "attempt": "1", "outcome": HELD, "detail": ""}
    found = reports("abc", [{**line, "attack": "a"}, line, {"ended": "it was killed"}])

    assert [one.complaint for one in found.values()] == ["", "it was killed", "it was killed"]


def test_the_better_control_counts() -> None:
    assert report(HELD).better(GOOD) is GOOD
    assert GOOD.better(report(HELD)) is GOOD


def test_the_sum() -> None:
    held, through = (judged(assault("x"), report(one), GOOD) for one in (HELD, THROUGH))
    spared = Outcome(assault=assault("x"), verdict=Verdict.NOT_APPLICABLE)
    broken = judged(assault("x"), NOTHING, NOTHING)

    assert Results(backend="native", outcomes=(held, through, spared, broken)).summary == (
        "3 attacks, 1 held, 1 passed through"
    )
    assert Results(backend="native", outcomes=(held, spared)).good
    assert not Results(backend="native", outcomes=(held, through)).good
    assert not Results(backend="native", outcomes=(held, broken)).good
