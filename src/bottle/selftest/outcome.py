"""What came of an attack, and what that means."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from attrs import evolve, frozen

from bottle.selftest.catalogue import Assault
from bottle.selftest.kit import BROKEN, THROUGH


class Verdict(StrEnum):
    """`BROKEN`: nothing is known, since the probe does not work or its control shows nothing."""

    HELD = "held"
    THROUGH = "passed through"
    BROKEN = "broken"
    NOT_APPLICABLE = "not applicable"


@frozen(kw_only=True)
class Attempted:
    """How one attempt of an attack ended: through, held or broken."""

    attempt: str
    outcome: str
    detail: str

    def __str__(self) -> str:
        return f"{self.attempt}: {self.outcome}{': ' if self.detail else ''}{self.detail}"


@frozen(kw_only=True)
class Report:
    """An attack's attempts, in order. `complaint`: why there are not more of them."""

    attempts: tuple[Attempted, ...] = ()
    complaint: str = ""

    def that_are(self, outcome: str) -> list[str]:
        return [str(attempt) for attempt in self.attempts if attempt.outcome == outcome]

    @property
    def through(self) -> list[str]:
        return self.that_are(THROUGH)

    @property
    def broken(self) -> list[str]:
        return self.that_are(BROKEN) + ([self.complaint] if self.complaint else [])

    def with_attempt(self, line: Mapping[str, Any]) -> "Report":
        attempted = Attempted(attempt=line["attempt"], outcome=line["outcome"], detail=line["detail"])
        return evolve(self, attempts=(*self.attempts, attempted))

    def better(self, other: "Report") -> "Report":
        """Of two controls, the one that shows more."""
        return other if len(other.through) > len(self.through) else self


NOTHING = Report(complaint="nothing was tried")


def reports(modules: Iterable[str], lines: Iterable[Mapping[str, Any]]) -> dict[str, Report]:
    """From the lines that a probe printed. `ended` in one of them says why nothing more came."""
    found = {module: Report() for module in modules}
    over = ""
    for line in lines:
        if "attempt" in line:
            found[line["attack"]] = found[line["attack"]].with_attempt(line)
        over = line.get("ended", over)
    if over:
        last = max((index for index, one in enumerate(found.values()) if one.attempts), default=-1)
        cut = list(found)[max(last, 0) :]
        found |= {module: evolve(found[module], complaint=over) for module in cut}
    return {module: one if one.attempts or one.complaint else NOTHING for module, one in found.items()}


@frozen(kw_only=True)
class Outcome:
    """`witnesses`: what the host saw of the attack and should not have seen. `reason`: of the verdict."""

    assault: Assault
    verdict: Verdict
    reason: str = ""
    report: Report = Report()
    control: Report = Report()
    witnesses: tuple[str, ...] = ()


def judged(
    assault: Assault, report: Report, control: Report, *, excuse: str = "", witnesses: Sequence[str] = ()
) -> Outcome:
    """Any attempt that gets through decides; else the probe and its control must have worked.

    `excuse`: what the control lacked here to show anything.
    """
    verdict, reason = _judgement(assault, report, control, witnesses)
    if verdict is Verdict.BROKEN and excuse and not report.broken:
        verdict, reason = Verdict.HELD, f"its control was not shown: {excuse}"
    return Outcome(
        assault=assault,
        verdict=verdict,
        reason=reason,
        report=report,
        control=control,
        witnesses=tuple(witnesses),
    )


def _judgement(
    assault: Assault, report: Report, control: Report, witnesses: Sequence[str]
) -> tuple[Verdict, str]:
    if report.through or witnesses:
        return Verdict.THROUGH, "; ".join((*report.through, *witnesses))
    if report.broken:
        return Verdict.BROKEN, f"the probe does not work: {'; '.join(report.broken)}"
    if not control.through:
        return Verdict.BROKEN, f"its control shows nothing: {'; '.join(control.broken) or 'all was held'}"
    if assault.attack.every and len(control.through) < len(control.attempts):
        missing = [str(one) for one in control.attempts if one.outcome != THROUGH]
        return Verdict.BROKEN, f"its control does not show all: {'; '.join(missing)}"
    return Verdict.HELD, ""


@frozen(kw_only=True)
class Results:
    """Of one run, in the order of the attacks."""

    backend: str
    outcomes: tuple[Outcome, ...]

    def that_are(self, verdict: Verdict) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.verdict is verdict]

    @property
    def tried(self) -> int:
        return len(self.outcomes) - len(self.that_are(Verdict.NOT_APPLICABLE))

    @property
    def good(self) -> bool:
        return not self.that_are(Verdict.THROUGH) and not self.that_are(Verdict.BROKEN)

    @property
    def summary(self) -> str:
        held, through = (len(self.that_are(one)) for one in (Verdict.HELD, Verdict.THROUGH))
        return f"{self.tried} attacks, {held} held, {through} passed through"
