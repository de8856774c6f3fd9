import os
import time
from pathlib import Path, PurePosixPath

import pytest
from attrs import evolve

from bottle.backends.base import Arrival
from bottle.errors import BottleError
from bottle.launch.intake import Intake
from bottle.plan import How, Workspace
from bottle.tree import Kind, Node, blob_id
from bottle.workspace.origin import Origin
from support.fakes import FakeBottle, RecordedProgress


def brought(
    base: Path, arrival: Arrival, *excludes: str
) -> tuple[FakeBottle, Origin | None, RecordedProgress]:
    (base / "here").mkdir()
    (base / "state").mkdir()
    (base / "here" / "file").write_text("x")
    (base / "here" / "out").write_text("x")
    os.mkfifo(base / "here" / "pipe")
    bottle, progress = FakeBottle(identity="dev-abcde", calls=[]), RecordedProgress()
    workspace = Workspace(source=base / "here", excludes=excludes)
    intake = Intake.begin(workspace, base / "state", progress, disk=1 << 30)
    intake.fill(bottle, arrival)
    return bottle, Origin.read(base / "state"), progress


def test_a_copy_is_put_in_and_what_it_held_is_on_record(tmp_path: Path) -> None:
    before = time.time_ns()
    bottle, origin, progress = brought(tmp_path, Arrival(), "out")

    assert set(bottle.members("/workspace")) == {".", "./file"}
    assert origin
    assert (origin.source, origin.how, origin.excludes) == (str(tmp_path / "here"), How.COPY, ("out",))
    assert origin.disk == 1 << 30
    assert origin.filled_ns
    assert before - 10_000_000 <= origin.started_ns <= origin.filled_ns < time.time_ns()
    assert origin.base() == {
        PurePosixPath("file"): Node(
            kind=Kind.FILE,
            mode=(tmp_path / "here" / "file").stat().st_mode & 0o777,
            size=1,
            blob=blob_id(b"x"),
        )
    }
    assert progress.steps == [f"copying {tmp_path}/here: 1 file, 1.5 KiB"]
    assert progress.notes == [f"{tmp_path}/here: left out, being no file, folder or link: pipe"]


@pytest.mark.parametrize("how", [How.OVERLAY, How.MOUNT])
def test_what_is_shown_is_on_record_and_not_read(tmp_path: Path, how: How) -> None:
    bottle, origin, _ = brought(tmp_path, Arrival(how=how))

    assert bottle.calls == []
    assert origin
    assert (origin.how, origin.filled_ns, origin.base()) == (how, None, {})


def test_why_it_is_not_as_it_was_asked_for_is_said(tmp_path: Path) -> None:
    _, _, progress = brought(tmp_path, Arrival(note="because"))

    assert progress.notes[0] == f"{tmp_path}/here: because"


def test_a_bottle_without_a_date_has_everything_compared(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    intake = Intake.begin(Workspace(source=tmp_path / "here"), tmp_path, RecordedProgress())
    without = evolve(intake, clock=("echo", "1732830000%N"))
    without.fill(FakeBottle(identity="dev-abcde", calls=[]), Arrival())
    origin = Origin.read(tmp_path)

    assert origin
    assert origin.filled_ns == 0


def test_an_empty_workspace_has_no_record(tmp_path: Path) -> None:
    Intake.begin(None, tmp_path, RecordedProgress()).fill(
        FakeBottle(identity="dev-abcde", calls=[]), Arrival()
    )

    assert Origin.read(tmp_path) is None


def test_a_bottle_that_cannot_be_filled_has_no_record(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    bottle = FakeBottle(identity="dev-abcde", calls=[], failing=frozenset({"put"}))
    intake = Intake.begin(Workspace(source=tmp_path / "here"), tmp_path, RecordedProgress())
    with pytest.raises(BottleError, match="put /workspace failed"):
        intake.fill(bottle, Arrival())

    assert Origin.read(tmp_path) is None
