from pathlib import Path

import pytest
from attrs import evolve

from bottle.errors import BottleError
from bottle.launch.keeping import Kept, record_of
from bottle.plan import AgentProgram, How, Keep, Workspace, WorkspaceMode
from bottle.state.honeytokens import Honeytokens
from bottle.state.record import DamagedRecordError
from bottle.state.store import StateStore
from bottle.workspace.origin import Origin
from support.plans import IDENTITY, plan


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return StateStore(tmp_path / "state", tmp_path / "run")


@pytest.mark.parametrize("mode", WorkspaceMode)
def test_the_record_says_what_a_resume_needs(mode: WorkspaceMode) -> None:
    made = record_of(
        plan(cwd=Path("/here"), keep=Keep.ALWAYS, workspace=Workspace(source=Path("/here"), mode=mode))
    )

    assert (made.cwd, made.workspace, made.keep) == ("/here", mode.value, True)


def test_what_is_worth_keeping() -> None:
    here = Workspace(source=Path("/here"))
    converses = AgentProgram(template="claude", argv=("claude",), converses=True)

    assert not plan().worth_keeping
    assert not plan(workspace=evolve(here, mode=WorkspaceMode.MOUNT)).worth_keeping
    assert plan(workspace=here).worth_keeping
    assert plan(program=converses).worth_keeping
    assert plan(keep=Keep.ALWAYS).worth_keeping
    assert not plan(workspace=here, program=converses, keep=Keep.NEVER).worth_keeping


def origin(folder: Path, how: How, source: Path) -> Origin:
    return Origin(folder=folder, source=str(source), how=how, started_ns=1, excludes=("x",))


def test_the_workspace_is_the_one_that_came_in(store: StateStore, tmp_path: Path) -> None:
    with store.claim(record_of(plan())) as folder:
        assert Kept.of(store.entry(IDENTITY)).workspace is None
        origin(folder, How.OVERLAY, tmp_path).write()
        assert Kept.of(store.entry(IDENTITY)).workspace == Workspace(source=tmp_path, excludes=("x",))


@pytest.mark.parametrize("how", How)
def test_only_a_copy_can_do_without_its_directory(store: StateStore, tmp_path: Path, how: How) -> None:
    with store.claim(record_of(plan())) as folder:
        origin(folder, how, tmp_path / "gone").write()
        if how is How.COPY:
            assert Kept.of(store.entry(IDENTITY)).workspace
            return
        with pytest.raises(BottleError, match="is no folder any more") as caught:
            Kept.of(store.entry(IDENTITY))
    assert caught.value.hint == f"put it back, or: bottle discard {IDENTITY}"


def test_what_was_kept_is_read_with_its_honeytokens(store: StateStore) -> None:
    held = Honeytokens(placeholders={"TOKEN": "p"})
    with store.claim(record_of(plan())) as folder:
        held.write(folder)
        assert Kept.of(store.entry(IDENTITY)).honeytokens == held
        (folder / "record.json").write_text("{")
        with pytest.raises(DamagedRecordError):
            Kept.of(store.entry(IDENTITY))
        (folder / "record.json").unlink()
        with pytest.raises(DamagedRecordError, match="has no record"):
            Kept.of(store.entry(IDENTITY))


def test_another_bottle_or_provider_than_before_is_refused() -> None:
    kept = Kept(record=record_of(plan()))
    kept.check(plan())
    with pytest.raises(BottleError, match=r"of the bottle 'dev', and .* 'open'"):
        kept.check(plan(bottle="open"))
    with pytest.raises(BottleError, match=r"of the provider 'shell', and .* 'codex'") as caught:
        kept.check(plan(program=AgentProgram(template="codex", argv=("codex",))))

    assert caught.value.location == "/home/me/.bot-bottle/bottles/dev.md"
    assert caught.value.hint == "name 'shell' again, or: bottle start dev"
