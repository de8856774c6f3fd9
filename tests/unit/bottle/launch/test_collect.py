import os
from pathlib import Path, PurePosixPath

import pytest

from bottle.errors import BottleError
from bottle.launch.collect import Collection
from support.fakes import FakeBottle

CREATE = ("tar", "-C", "x", "-cf", "-")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder that stands for one inside the bottle."""
    folder = tmp_path / "inside" / "result"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.txt").write_text("a")
    (folder / "link").symlink_to("sub/a.txt")
    return folder


def collect(source: Path | str, target: Path) -> FakeBottle:
    bottle = FakeBottle(identity="dev-abcde", calls=[])
    Collection(bottle, PurePosixPath(source)).save(target)
    return bottle


def entries(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))  # noqa: PTH208 - names


def test_a_folder_comes_out_whole(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    bottle = collect(source, tmp_path / "out" / "copy")

    assert (tmp_path / "out" / "copy" / "sub" / "a.txt").read_text() == "a"
    assert (tmp_path / "out" / "copy" / "link").read_text() == "a"
    assert entries(tmp_path / "out") == ["copy"]
    assert bottle.requests[0].argv == ("tar", "-C", str(source.parent), "-cf", "-", "--", "result")


def test_a_file_comes_out_and_replaces_one(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    collect(source / "sub" / "a.txt", target)

    assert target.read_text() == "a"


def test_a_link_at_the_target_is_replaced_not_followed(source: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("old")
    (tmp_path / "t").symlink_to("precious")
    collect(source / "sub" / "a.txt", tmp_path / "t")

    assert (tmp_path / "precious").read_text() == "old"
    assert (tmp_path / "t").read_text() == "a"
    assert not (tmp_path / "t").is_symlink()


def test_a_name_that_looks_like_an_option_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "--to-command=id").write_text("x")
    collect(tmp_path / "in" / "--to-command=id", tmp_path / "t")

    assert (tmp_path / "t").read_text() == "x"


def test_a_folder_is_not_put_over_a_folder_or_file(source: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    for target in (tmp_path / "folder", tmp_path / "file"):
        with pytest.raises(BottleError, match="exists"):
            collect(source, target)

    assert (tmp_path / "file").read_text() == "old"
    assert entries(tmp_path) == ["file", "folder", "inside"]


def test_what_is_not_there_is_told_in_the_bottle_s_words_made_harmless(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(BottleError, match="cannot be copied: tar: ") as caught:
        collect(tmp_path / "in" / "\x1b[2J", tmp_path / "t")

    assert "\x1b" not in str(caught.value.message.split("cannot be copied: ")[1])
    assert entries(tmp_path) == ["in"]


def test_a_target_that_cannot_be_written_is_an_error_in_words(source: Path, tmp_path: Path) -> None:
    with pytest.raises(BottleError, match=r"cannot be copied to .*No such file or directory"):
        collect(source, tmp_path / "no" / "such")


@pytest.mark.parametrize("path", ["/", "/workspace/..", ".."])
def test_a_path_without_a_name_of_its_own_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(BottleError, match="is not the name of a file or folder"):
        collect(path, tmp_path / "t")

    assert entries(tmp_path) == []
