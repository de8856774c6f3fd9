import os
from pathlib import Path

import pytest

from bottle.errors import EnvironmentLacksError
from bottle.launch.launcher import LiveBottle
from bottle.selftest.outcome import reports
from bottle.selftest.runs import Outside, inside
from support.fakes import FakeBottle

READING = "bottle.selftest.attacks.files.files_of_the_host"
CAPABILITIES = "bottle.selftest.attacks.processes.capabilities"


def live(path: str = "/usr/bin:/bin") -> LiveBottle:
    """A bottle that isolates nothing."""
    bottle = FakeBottle(identity="selftest-abcde", calls=[])
    return LiveBottle(bottle=bottle, identity="selftest-abcde", argv=("sh",), env={"PATH": path})


def test_attacks_get_through_where_there_is_no_wall() -> None:
    lines = list(inside(live(), [(READING, ["/etc/passwd", "/nowhere"])]))
    report = reports([READING], lines)[READING]

    assert lines[-1] == {"over": True}
    assert [one.outcome for one in report.attempts] == ["through", "held"]


def test_a_sandbox_without_python_is_told_what_it_lacks(tmp_path: Path) -> None:
    tmp_path.joinpath("python3").write_text("#!/bin/sh\nexit 127\n")
    tmp_path.joinpath("python3").chmod(0o755)
    with pytest.raises(EnvironmentLacksError, match="no python3"):
        list(inside(live(str(tmp_path)), [(READING, [])]))


def test_an_early_end_says_how(tmp_path: Path) -> None:
    tmp_path.joinpath("python3").write_text("#!/bin/sh\necho crash >&2\nexit 9\n")
    tmp_path.joinpath("python3").chmod(0o755)

    assert list(inside(live(f"{tmp_path}:/bin"), [(READING, [])])) == [
        {"ended": "the probe ended with 9: crash\n"}
    ]


def test_the_same_probes_run_outside() -> None:
    with Outside.begun([(READING, ["/etc/passwd"]), (CAPABILITIES, None)]) as outside:
        found = outside.reports()

    assert [one.outcome for one in found[READING].attempts] == ["through"]
    assert set(found) == {READING, CAPABILITIES}


def test_what_runs_outside_ends_with_the_context() -> None:
    with Outside.begun([(READING, [])]) as outside:
        process = outside._process

    assert process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
