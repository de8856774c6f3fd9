"""`kill -9` of `bottle` anywhere in a start: no way out remains, and cleanup takes the rest."""

import os
import signal
import time
from pathlib import Path

import pytest

from support.project import BottleProject, shell_agent
from support.remains import Remains, existing, namespaces, sidecars

AGENT = "victim"
POINTS = 25
pytestmark = pytest.mark.timeout(900)
SECONDS = 60.0
ENDLESS = "echo up; exec sleep 1000"


def test_kill_at_points_spread_over_a_start_leaves_nothing(project: BottleProject, tmp_path: Path) -> None:
    project.write(shell_agent(name=AGENT))
    assert project.run("build", AGENT).code == 0
    begun = time.monotonic()
    assert project.run("run", AGENT, "true").code == 0
    length = time.monotonic() - begun
    before = Remains.now(project)
    stages, seen = set(), frozenset[str]()

    for point in range(POINTS):
        stage, entered = _killed_after(length * point / (POINTS - 1), project, tmp_path / "out")
        stages.add(stage)
        seen |= entered
        _await_no_sidecar(project)
        cleaned = project.run("cleanup", "--yes")

        assert cleaned.code == 0, f"point {point}: {cleaned.err}"
        assert Remains.left_since(project, before, SECONDS) == [], f"point {point}"
        assert existing(entered, SECONDS) == frozenset(), f"point {point}"

    assert {"nothing yet", "owned"} <= stages, f"the points did not spread over the start: {stages}"
    assert seen, "no point came after the sandbox's namespaces"


def _killed_after(seconds: float, project: BottleProject, output: Path) -> tuple[str, frozenset[str]]:
    """Starts a bottle, kills its owner, and says how far it had come, and in which namespaces it was."""
    with output.open("wb") as stream:
        victim = project.spawn("run", AGENT, ENDLESS, stdout=stream)
    try:
        time.sleep(seconds)
        os.kill(victim.pid, signal.SIGSTOP)
        entered = namespaces(project)
    finally:
        victim.kill()
        victim.wait()
    if output.read_text().endswith("up\n"):
        return "agent runs", entered
    return "owned" if list((project.home / "state").glob(f"{AGENT}-*")) else "nothing yet", entered


def _await_no_sidecar(project: BottleProject) -> None:
    deadline = time.monotonic() + SECONDS
    while still := sidecars(project):
        assert time.monotonic() < deadline, f"a way out remains: {still}"
