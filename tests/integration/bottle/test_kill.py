"""`kill -9` of `bottle` anywhere in a start: no way out remains, and cleanup takes the rest."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from support.project import BottleProject, shell_agent
from support.remains import Remains, existing, namespaces, sidecars

AGENT = "victim"
EARLY, LATE = 7, 18
"""Points before the bottle owns anything, and from there on until its agent runs: 25."""
pytestmark = pytest.mark.timeout(900)
SECONDS = 60.0
ENDLESS = "echo up; exec sleep 1000"


def test_kill_at_points_spread_over_a_start_leaves_nothing(project: BottleProject, tmp_path: Path) -> None:
    project.write(shell_agent(name=AGENT))
    assert project.run("build", AGENT).code == 0
    with _Victim(project, tmp_path / "out") as measured:
        owned, up = measured.seconds_until(measured.owns), measured.seconds_until(measured.runs)
    _await_no_sidecar(project)
    assert project.run("cleanup", "--yes").code == 0
    before = Remains.now(project)
    early = [(False, owned * point / EARLY) for point in range(EARLY)]
    late = [(True, up * point / (LATE - 1)) for point in range(LATE)]
    stages, seen = set(), frozenset[str]()

    for point, (owning, seconds) in enumerate(early + late):
        with _Victim(project, tmp_path / "out") as victim:
            if owning:
                victim.seconds_until(victim.owns)
            time.sleep(seconds)
            entered = victim.stop()
        stages.add(victim.stage())
        seen |= entered
        _await_no_sidecar(project)
        cleaned = project.run("cleanup", "--yes")

        assert cleaned.code == 0, f"point {point}: {cleaned.err}"
        assert Remains.left_since(project, before, SECONDS) == [], f"point {point}"
        assert existing(entered, SECONDS) == frozenset(), f"point {point}"

    assert {"nothing yet", "owned"} <= stages, f"the points did not spread over the start: {stages}"
    assert seen, "no point came after the sandbox's namespaces"


class _Victim:
    """A bottle whose owner is killed at the end of the block."""

    def __init__(self, project: BottleProject, output: Path) -> None:
        self._project = project
        self._output = output

    def __enter__(self) -> Self:
        with self._output.open("wb") as stream:
            self._owner = self._project.spawn("run", AGENT, ENDLESS, stdout=stream)
        return self

    def __exit__(self, *_: object) -> None:
        self._owner.kill()
        self._owner.wait()

    def owns(self) -> bool:
        return bool(list((self._project.home / "state").glob(f"{AGENT}-*")))

    def runs(self) -> bool:
        return self._output.read_text().endswith("up\n")

    def stage(self) -> str:
        if self.runs():
            return "agent runs"
        return "owned" if self.owns() else "nothing yet"

    def seconds_until(self, reached: Callable[[], bool]) -> float:
        begun = time.monotonic()
        while not reached():
            assert time.monotonic() - begun < SECONDS, f"not reached: {reached.__name__}"
            time.sleep(0.002)
        return time.monotonic() - begun

    def stop(self) -> frozenset[str]:
        """Lets the owner do no more; the namespaces its bottle is in."""
        os.kill(self._owner.pid, signal.SIGSTOP)
        return namespaces(self._project)


def _await_no_sidecar(project: BottleProject) -> None:
    deadline = time.monotonic() + SECONDS
    while still := sidecars(project):
        assert time.monotonic() < deadline, f"a way out remains: {still}"
