"""One exchange, with somebody else at work in the same directory."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import pytest

from bottle.tree import Kind
from bottle.workspace.directory import ChangedMeanwhileError, Directory
from bottle.workspace.stage import Piece, Stage, Step
from support.applying import NoHardLinks

X = PurePosixPath("folder/x")
NEW = Piece(kind=Kind.FILE, mode=0o644, chunks=(b"new",))


@pytest.fixture(params=[Directory, NoHardLinks])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    (tmp_path / "folder").mkdir()
    with request.param(tmp_path) as tree:
        stage = Stage(tree, ".bottle-apply-test")
        stage.make()
        with stage:
            yield stage


def step(stage: Stage, new: Piece | None = NEW, path: PurePosixPath = X) -> Step:
    staged = stage.put(0, new) if new else None
    return Step(number=0, path=path, old=stage.tree.seen(path), new=staged)


def x(stage: Stage) -> Path:
    return stage.tree.root / X


def write_at(moment: str, path: Path, step: str) -> None:
    if step.startswith(moment):
        path.write_text("theirs")


def test_an_exchange_and_back(stage: Stage) -> None:
    x(stage).write_text("old")
    planned = step(stage)

    stage.exchange(planned)
    assert x(stage).read_text() == "new"
    assert stage.has_old(planned)

    assert stage.restore(planned)
    assert x(stage).read_text() == "old"
    assert stage.restore(planned)
    assert x(stage).read_text() == "old"


@pytest.mark.parametrize("name", ["old", "new"])
def test_what_somebody_wrote_before_is_neither_moved_nor_written_over(stage: Stage, name: str) -> None:
    if name == "old":
        x(stage).write_text("old")
    planned = step(stage)
    x(stage).write_text("theirs")

    with pytest.raises(ChangedMeanwhileError):
        stage.exchange(planned)
    assert stage.restore(planned)
    assert x(stage).read_text() == "theirs"


def test_a_change_that_hides_its_time_is_noticed(stage: Stage) -> None:
    x(stage).write_text("old")
    planned = step(stage)
    times = x(stage).stat().st_atime_ns, x(stage).stat().st_mtime_ns
    x(stage).write_text("her")
    os.utime(x(stage), ns=times)

    with pytest.raises(ChangedMeanwhileError):
        stage.exchange(planned)
    assert x(stage).read_text() == "her"
    assert not (stage.tree.root / stage.name / "o0").exists()


def test_an_entry_that_comes_when_the_old_one_has_gone_is_not_written_over(stage: Stage) -> None:
    x(stage).write_text("old")
    planned = step(stage)
    stage.tree.before = partial(write_at, "bring", x(stage))

    with pytest.raises(ChangedMeanwhileError):
        stage.exchange(planned)
    assert not stage.restore(planned)
    assert x(stage).read_text() == "theirs"
    assert (stage.tree.root / stage.name / "o0").read_text() == "old"


def test_what_changes_just_as_it_is_moved_is_noticed_and_comes_back(stage: Stage) -> None:
    x(stage).write_text("old")
    planned = step(stage)
    stage.tree.before = partial(write_at, "aside", x(stage))

    with pytest.raises(ChangedMeanwhileError):
        stage.exchange(planned)
    assert stage.restore(planned)
    assert x(stage).read_text() == "theirs"


def test_what_is_written_through_an_open_file_after_it_was_moved_is_noticed(stage: Stage) -> None:
    with x(stage).open("w") as open_file:
        planned = step(stage)
        stage.exchange(planned)
        assert stage.has_old(planned)
        open_file.write("theirs")
    assert not stage.has_old(planned)
    assert stage.restore(planned)
    assert x(stage).read_text() == "theirs"


def test_a_folder_that_somebody_fills_as_it_goes_comes_back(stage: Stage) -> None:
    x(stage).mkdir()
    planned = step(stage, new=None)
    stage.tree.before = lambda name: (x(stage) / "theirs").touch() if name.startswith("aside") else None

    with pytest.raises(ChangedMeanwhileError):
        stage.exchange(planned)
    assert stage.restore(planned)
    assert (x(stage) / "theirs").exists()


def test_what_somebody_made_of_the_new_entry_stays(stage: Stage) -> None:
    planned = step(stage)
    stage.exchange(planned)
    x(stage).write_text("theirs, from ours")

    assert stage.restore(planned)
    assert x(stage).read_text() == "theirs, from ours"


def test_a_new_folder_with_somebody_s_file_stays(stage: Stage) -> None:
    planned = step(stage, Piece(kind=Kind.FOLDER, mode=0o755))
    stage.exchange(planned)
    (x(stage) / "theirs").touch()

    assert stage.restore(planned)
    assert (x(stage) / "theirs").exists()


def test_a_link_swapped_in_for_a_folder_is_not_walked_through(stage: Stage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    planned = step(stage)
    (tmp_path / "folder").rmdir()
    (tmp_path / "folder").symlink_to(outside)

    with pytest.raises(ChangedMeanwhileError):
        stage.exchange(planned)
    assert stage.restore(planned)
    assert not list(outside.iterdir())


def test_links_are_put_as_links(stage: Stage, tmp_path: Path) -> None:
    stage.exchange(step(stage, Piece(kind=Kind.LINK, target="nowhere")))

    assert x(stage).is_symlink()
    assert str(x(stage).readlink()) == "nowhere"


def test_modes_do_not_depend_on_the_umask(stage: Stage) -> None:
    stage.exchange(step(stage, Piece(kind=Kind.FILE, mode=0o777, chunks=())))

    assert x(stage).stat().st_mode & 0o7777 == 0o777


def test_a_stage_is_private_and_hidden_from_git_and_not_shared(stage: Stage) -> None:
    folder = stage.tree.root / stage.name
    stage.hide()

    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"
    assert stage.exists()
    with pytest.raises(FileExistsError):
        Stage(stage.tree, stage.name).make()
    stage.sync()
    stage.remove()
    assert not folder.exists()


def test_what_is_kept_is_out_of_the_way_of_the_next(stage: Stage) -> None:
    (stage.tree.root / f"{stage.name}-kept-1").mkdir()

    assert stage.keep() == f"{stage.name}-kept-2"
    assert not stage.exists()
