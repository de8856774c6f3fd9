import os
from pathlib import Path, PurePosixPath

import pytest

from bottle.errors import BottleError
from bottle.workspace import journal
from bottle.workspace.directory import Seen
from bottle.workspace.journal import Journals, read
from bottle.workspace.stage import Step

PATH = PurePosixPath(os.fsdecode(b"\xff\xfe"), "n\nl")


@pytest.fixture
def journals(tmp_path: Path) -> Journals:
    return Journals(tmp_path / "applying")


def test_what_is_noted_can_be_read(journals: Journals, tmp_path: Path) -> None:
    seen = Seen.of(tmp_path.stat())
    steps = (Step(number=0, path=PATH, old=seen), Step(number=1, path=PATH, old=None, new=seen))
    with journals.opened(journals.path(tmp_path)) as opened:
        assert not opened.read().stage
        opened.begin(tmp_path, "stage", {str(PATH): 7})
        opened.plan(steps)
        record = opened.read()
        assert (record.root, record.stage, record.times) == (str(tmp_path), "stage", {str(PATH): 7})
        assert (record.steps, record.done) == (steps, False)
        assert record.steps[0].old
        assert record.steps[0].old.ctime_ns == seen.ctime_ns
        opened.end()
        assert opened.read().done
        opened.empty()
        assert not opened.read().stage
        opened.remove()
    assert not journals.unfinished()


def test_a_line_that_was_cut_off_has_not_happened(journals: Journals, tmp_path: Path) -> None:
    path = journals.path(tmp_path)
    with journals.opened(path) as opened:
        opened.begin(tmp_path, "stage", {})
        opened.end()
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert not read(path).done
    path.write_bytes(whole)
    assert read(path).done


def test_a_held_one_is_said_to_be(journals: Journals, tmp_path: Path) -> None:
    path = journals.path(tmp_path)
    with journals.opened(path) as opened:
        opened.begin(tmp_path, "stage", {})
        with (
            pytest.raises(BottleError, match=rf"{tmp_path} \(process {os.getpid()}\)"),
            journals.opened(path, 0),
        ):
            pass


def test_one_that_was_removed_is_not_taken_for_the_next(journals: Journals, tmp_path: Path) -> None:
    path = journals.path(tmp_path)
    with journals.opened(path) as first:
        first.remove()
        with journals.opened(path, 0) as second:
            assert path.exists()
            second.remove()


def test_a_directory_has_one_however_it_is_reached(journals: Journals, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "link").symlink_to("root")

    assert (
        journals.path(tmp_path / "root")
        == journals.path(tmp_path / "link/../root")
        != journals.path(tmp_path)
    )


@pytest.mark.parametrize("text", ["no json\n", '["a"]\n', "7\n", '{"steps": 7}\n', '{"steps": [{}]}\n'])
def test_a_damaged_one_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)

    with pytest.raises(BottleError, match="cannot be read"):
        read(tmp_path / "x")


def test_a_file_that_was_opened_just_before_it_was_removed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        assert journal._is_at(path, descriptor)
        path.unlink()
        assert not journal._is_at(path, descriptor)
        path.touch()
        assert not journal._is_at(path, descriptor)
    finally:
        os.close(descriptor)
