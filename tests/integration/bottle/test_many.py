"""Twenty bottles at once from one manifest."""

import json
from pathlib import Path

import pytest

from bottle.proc import wait
from support.project import BottleProject, shell_agent

BOTTLES = 20
pytestmark = pytest.mark.timeout(900)
SECONDS = 300.0
# Each writes its own mark wherever it can, waits until all the others must have done so, and looks around.
TASK = """
for place in /workspace /home/agent /tmp /run /var/tmp /dev/shm; do
  echo mine > $place/mark-$MARK 2>/dev/null
done
(exec -a process-of-$MARK sleep 1000) &
until [ -e /workspace/go ]; do sleep 0.05; done
ls -d /workspace/mark-* /home/agent/mark-* /tmp/mark-* | sed 's/.*mark-//' | sort -u | tr '\\n' ' '
cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -oE 'process-of-[0-9]+' | sort -u | tr '\\n' ' '
"""


def test_all_run_see_only_themselves_and_leave_nothing(project: BottleProject, tmp_path: Path) -> None:
    project.write(shell_agent(env="{MARK: '${MARK}'}"))
    assert project.run("build", "shell", MARK="0").code == 0
    outputs = [tmp_path / f"out-{number}" for number in range(BOTTLES)]
    running = []
    for number, output in enumerate(outputs):
        with output.open("wb") as stream:
            running.append(project.spawn("run", "shell", TASK, stdout=stream, MARK=str(number)))
    try:
        identities = _all_live(project)
        for identity in identities:
            assert project.run("exec", identity, "--", "touch", "/workspace/go").code == 0
        codes = [wait(process, SECONDS) for process in running]
    finally:
        for process in running:
            process.terminate()
            process.wait(SECONDS)

    assert codes == [0] * BOTTLES, [output.read_text() for output in outputs]
    for number, output in enumerate(outputs):
        assert output.read_text().splitlines()[-1].split() == [str(number), f"process-of-{number}"]
    assert len(set(identities)) == BOTTLES
    assert project.run("cleanup", "--yes").out == ""


def _all_live(project: BottleProject) -> list[str]:
    while True:
        listed = json.loads(project.run("list", "--json").out)["data"]
        if [row["state"] for row in listed] == ["running"] * BOTTLES:
            return [row["identity"] for row in listed]
