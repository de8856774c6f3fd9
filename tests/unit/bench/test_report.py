import pytest

from bench.report import Baseline, Goal, Row, Unit, table


def row(samples: list[float], baseline: Baseline | None = None, goal: Goal | None = None) -> Row:
    return Row(measure="start", unit=Unit.MILLISECONDS, samples=samples, baseline=baseline, goal=goal)


@pytest.mark.parametrize(
    ("unit", "value", "written"),
    [
        (Unit.MILLISECONDS, 0.00123, "1.23 ms"),
        (Unit.MILLISECONDS, 0.0123, "12.3 ms"),
        (Unit.MILLISECONDS, 1.23, "1230 ms"),
        (Unit.MEGABYTES, 25e6, "25.0 MB"),
        (Unit.REQUESTS, 520.4, "520 requests/s"),
    ],
)
def test_figures(unit: Unit, value: float, written: str) -> None:
    assert unit.write(value) == written


def test_the_ratio_is_that_of_the_medians() -> None:
    cells = row([0.2, 0.1, 0.9], Baseline(name="plain", samples=[0.1, 0.05, 0.1])).cells()

    assert cells == ("start", "200 ms (n=3)", "plain: 100 ms (n=3)", "2.00", "-")


@pytest.mark.parametrize(
    ("goal", "written"),
    [
        (Goal(bound=2.0), "<= 2 x: met"),
        (Goal(bound=1.9), "<= 1.9 x: missed"),
        (Goal(bound=2.0, at_least=True), ">= 2 x: met"),
        (Goal(bound=2.1, at_least=True), ">= 2.1 x: missed"),
        (Goal(bound=0.05, of_ratio=False), "<= 50.0 ms: missed"),
        (Goal(bound=0.3, of_ratio=False), "<= 300 ms: met"),
    ],
)
def test_goals(goal: Goal, written: str) -> None:
    assert row([0.2], Baseline(name="plain", samples=[0.1]), goal).cells()[-1] == written


def test_a_baseline_that_could_not_be_measured() -> None:
    cells = row([0.2], Baseline(name="srt (no npm)"), Goal(bound=1.0)).cells()

    assert cells[2:] == ("srt (no npm): not measured", "-", "<= 1 x")


def test_the_spread() -> None:
    spread = Row(measure="word", unit=Unit.MILLISECONDS, samples=[0.003, 0.001, 0.002], spread=True)

    assert spread.cells()[1] == "2.00 ms (1.00 ms to 3.00 ms, n=3)"


def test_the_columns_line_up() -> None:
    lines = table([row([0.2]), row([0.1], Baseline(name="a long name", samples=[0.1]))]).splitlines()

    assert len(lines) == 4
    assert {len(line) for line in lines} == {len(lines[0])}
