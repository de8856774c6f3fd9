"""The figures as one table."""

from collections.abc import Iterable, Sequence
from enum import Enum
from statistics import median

from attrs import field, frozen

_HEAD = ("measure", "ours", "baseline", "ratio", "goal")


class Unit(Enum):
    """How a figure is written. Durations are measured in seconds, sizes in bytes."""

    MILLISECONDS = (1e-3, "ms")
    REQUESTS = (1.0, "requests/s")
    THROUGHPUT = (1e6, "MB/s")
    MEGABYTES = (1e6, "MB")

    def write(self, value: float) -> str:
        scale, name = self.value
        scaled = value / scale
        return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f} {name}"


@frozen(kw_only=True)
class Goal:
    """A bound on our median, or on its ratio to the baseline's. `figure` is in the row's own scale."""

    bound: float
    of_ratio: bool = True
    at_least: bool = False

    def write(self, unit: Unit, *, figure: float, ratio: float | None) -> str:
        judged = ratio if self.of_ratio else figure
        bound = f"{self.bound:g} x" if self.of_ratio else unit.write(self.bound)
        sign = ">=" if self.at_least else "<="
        if judged is None:
            return f"{sign} {bound}"
        met = judged >= self.bound if self.at_least else judged <= self.bound
        return f"{sign} {bound}: {'met' if met else 'missed'}"


@frozen(kw_only=True)
class Baseline:
    """What we are compared to. `samples` empty: it could not be measured, and `name` says why."""

    name: str
    samples: Sequence[float] = ()


@frozen(kw_only=True)
class Row:
    """One measure. `spread`: the least and the largest sample are shown, too."""

    measure: str
    unit: Unit
    samples: Sequence[float] = field()
    baseline: Baseline | None = None
    goal: Goal | None = None
    spread: bool = False

    def cells(self) -> tuple[str, ...]:
        ours, theirs = median(self.samples), self.baseline
        ratio = ours / median(theirs.samples) if theirs and theirs.samples else None
        return (
            self.measure,
            self._write(self.samples),
            "-" if theirs is None else f"{theirs.name}: {self._write(theirs.samples)}",
            "-" if ratio is None else f"{ratio:.2f}",
            "-" if self.goal is None else self.goal.write(self.unit, figure=ours, ratio=ratio),
        )

    def _write(self, samples: Sequence[float]) -> str:
        if not samples:
            return "not measured"
        middle = self.unit.write(median(samples))
        if not self.spread:
            return f"{middle} (n={len(samples)})"
        ends = f"{self.unit.write(min(samples))} to {self.unit.write(max(samples))}"
        return f"{middle} ({ends}, n={len(samples)})"


def table(rows: Iterable[Row]) -> str:
    """In Markdown, readable as plain text too."""
    lines = [_HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    written = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([written[0], rule, *written[1:]])
