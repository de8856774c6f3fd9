"""Measuring several things in turn, so that what else the machine does falls on all of them alike."""

import time
from collections.abc import Callable, Mapping

from bottle.proc import Command, run

Samples = Mapping[str, list[float]]


def interleaved(measures: Mapping[str, Callable[[], float]], rounds: int) -> Samples:
    """One sample of each a round. The first round warms up and does not count."""
    samples: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds + 1):
        for name, measure in measures.items():
            value = measure()
            if number:
                samples[name].append(value)
    return samples


def duration(command: Command) -> Callable[[], float]:
    """Measures the seconds from a command's start to its end. Raises CommandFailed."""

    def measure() -> float:
        start = time.perf_counter()
        run(command)
        return time.perf_counter() - start

    return measure
