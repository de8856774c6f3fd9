"""What a run came to, as text and as data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bottle.selftest.outcome import Outcome, Report, Results, Verdict

_SHOUTED = {
    Verdict.HELD: "held",
    Verdict.THROUGH: "PASSED THROUGH",
    Verdict.BROKEN: "BROKEN",
    Verdict.NOT_APPLICABLE: "not applicable",
}


def as_text(results: Results) -> str:
    """Claim by claim, a line for each attack, with its reason below where it was not held."""
    return "\n".join((*_lines(results), "", *_others(results), results.summary))


def _lines(results: Results) -> Iterator[str]:
    names = max((len(one.assault.name) for one in results.outcomes), default=0)
    verdicts = max(map(len, _SHOUTED.values()))
    says = ""
    for outcome in results.outcomes:
        if outcome.assault.says != says:
            yield f"{chr(10) if says else ''}{outcome.assault.claim}: {outcome.assault.says}"
            says = outcome.assault.says
        verdict, name = _SHOUTED[outcome.verdict].ljust(verdicts), outcome.assault.name.ljust(names)
        yield f"  {verdict}  {name}  {outcome.assault.attack.tries}"
        if outcome.reason:
            yield f"  {' ' * verdicts}  {' ' * names}  {outcome.reason}"


def _others(results: Results) -> Iterator[str]:
    broken, spared = results.that_are(Verdict.BROKEN), results.that_are(Verdict.NOT_APPLICABLE)
    if broken:
        yield f"{len(broken)} broken: {', '.join(str(one.assault) for one in broken)}"
    if spared:
        names = ", ".join(str(one.assault) for one in spared)
        yield f"{len(spared)} not applicable on {results.backend}: {names}"


def as_data(results: Results) -> Mapping[str, Any]:
    """As docs/reference/json-output.md describes it."""
    counts = {verdict.name.lower(): len(results.that_are(verdict)) for verdict in Verdict}
    return {
        "backend": results.backend,
        "summary": results.summary,
        "attacks": results.tried,
        **counts,
        "outcomes": [_outcome(outcome) for outcome in results.outcomes],
    }


def _outcome(outcome: Outcome) -> Mapping[str, Any]:
    attack = outcome.assault.attack
    return {
        "attack": outcome.assault.name,
        "claim": outcome.assault.claim,
        "says": outcome.assault.says,
        "tried": attack.tries,
        "source": attack.source,
        "expects": attack.expects,
        "outcome": outcome.verdict.value,
        "reason": outcome.reason,
        "attempts": _attempts(outcome.report),
        "control": _attempts(outcome.control),
        "witnesses": list(outcome.witnesses),
    }


def _attempts(report: Report) -> Sequence[Mapping[str, str]]:
    return [{"attempt": one.attempt, "outcome": one.outcome, "detail": one.detail} for one in report.attempts]
