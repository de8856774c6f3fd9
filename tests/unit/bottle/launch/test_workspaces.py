import os
from pathlib import Path, PurePosixPath

import pytest
from attrs import evolve

from bottle.errors import BottleError
from bottle.launch.keeping import record_of
from bottle.launch.workspaces import HeldWorkspace
from bottle.proc import Command, run
from bottle.workspace.origin import BaseWriter, How, Origin
from support.fakes import FakeBottle
from support.plans import IDENTITY, plan

FILE = b'{"path": "%s", "kind": "file", "mode": 420, "size": 1, "data": [[0, 1]]}\nxwhole\n'
END = b'{"end": true}\n'


def everything(_path: PurePosixPath) -> bool:
    return True


@pytest.fixture
def held(tmp_path: Path) -> HeldWorkspace:
    for name in ("host", "state"):
        (tmp_path / name).mkdir()
    with BaseWriter.to(tmp_path / "state"):
        pass
    bottle = FakeBottle(identity=IDENTITY, calls=[], changed=FILE % b"a" + FILE % b"b.log" + END)
    source = str(tmp_path / "host")
    origin = Origin(folder=tmp_path / "state", source=source, how=How.COPY, started_ns=1, filled_ns=2)
    return HeldWorkspace(
        record=record_of(plan()), bottle=bottle, origin=origin, environ=os.environ, limit=100
    )


def test_changes_lie_in_a_folder_that_goes_with_the_context(held: HeldWorkspace) -> None:
    with held.changes(everything) as (changes, folder):
        assert [str(change.path) for change in changes] == ["a", "b.log"]
        assert all(change.content and change.content.read_bytes() == b"x" for change in changes)
        assert folder.parent == held.origin.folder
        assert not folder.stat().st_mode & 0o077
    assert not folder.exists()


def test_paths_that_are_not_asked_for_are_left_out(held: HeldWorkspace) -> None:
    with held.changes(lambda path: path.name == "a") as (changes, _):
        assert [str(change.path) for change in changes] == ["a"]


def test_what_the_hosts_git_ignores_is_left_out_unless_it_is_asked_for(held: HeldWorkspace) -> None:
    run(Command(argv=("git", "init", "--quiet", str(held.source))))
    (held.source / ".gitignore").write_text("*.log\n")

    with held.changes(everything) as (changes, _):
        assert [str(change.path) for change in changes] == ["a"]
        assert changes.skipped.ignored == 1
    with held.changes(everything, ignored=True) as (changes, _):
        assert len(changes) == 2


def test_more_than_the_bottle_may_hold_is_an_error(held: HeldWorkspace) -> None:
    with pytest.raises(BottleError, match="more than 1 B"), evolve(held, limit=1).changes(everything):
        pass
    assert not list(held.origin.folder.glob(".changes-*"))


def test_a_copy_that_was_cut_off_is_nothing_to_compare(held: HeldWorkspace) -> None:
    broken = evolve(held, origin=evolve(held.origin, filled_ns=None))
    with pytest.raises(BottleError, match="not yet whole"), broken.changes(everything):
        pass


def test_it_is_changed_where_a_diff_would_show_something(held: HeldWorkspace) -> None:
    assert held.is_changed()
    assert isinstance(held.bottle, FakeBottle)
    held.bottle.changed = END
    assert not held.is_changed()
    held.bottle.changed = b""
    with pytest.raises(BottleError):
        held.is_changed()
