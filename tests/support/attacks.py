"""Results of a selftest that never was: one attack for each verdict."""

from collections.abc import Iterator

from bottle.selftest.catalogue import Assault
from bottle.selftest.kit import HELD, THROUGH, Attempt, attack
from bottle.selftest.outcome import NOTHING, Attempted, Outcome, Report, Results, Verdict, judged


def assault(name: str, *, every: bool = False) -> Assault:
    @attack(aim="a", source="RFC 0", expects="no", control="c", every=every)
    def attempts(aim: object) -> Iterator[Attempt]:
        """Tries it."""
        yield "one", list

    return Assault(module=f"bottle.selftest.attacks.proxy.{name}", attack=attempts)


def report(*outcomes: str, detail: str = "gained", complaint: str = "") -> Report:
    names = ("one", "two", "three")
    attempts = [
        Attempted(attempt=name, outcome=one, detail=detail)
        for name, one in zip(names, outcomes, strict=False)
    ]
    return Report(attempts=tuple(attempts), complaint=complaint)


def results() -> Results:
    good, gained = report(THROUGH), report(THROUGH, detail="<b>\x1b[31mgained")
    return Results(
        backend="native",
        outcomes=(
            judged(assault("tight"), report(HELD, detail=""), good),
            judged(assault("leaky"), gained, good),
            judged(assault("silent"), NOTHING, good),
            Outcome(assault=assault("spared"), verdict=Verdict.NOT_APPLICABLE, reason="it has none"),
        ),
    )
