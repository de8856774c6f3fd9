import os
import resource
from pathlib import Path

import pytest

from bottle.errors import BottleError
from bottle.ignore import Ignore
from bottle.walk import walk


def paths(top: Path, *patterns: str) -> list[str]:
    found = walk(top, Ignore.of(patterns), enters=lambda spot: not (spot.excluded and spot.settled))
    return [each.path for each in found if not each.spot.excluded]


def test_everything_in_order_a_folder_first(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    for name in ("z", "b/f", "b/c/g", os.fsdecode(b"b/\xff\n")):
        (tmp_path / name).touch()

    assert paths(tmp_path) == ["b", "b/c", "b/c/g", "b/f", os.fsdecode(b"b/\xff\n"), "z"]
    assert paths(tmp_path, "b", "!b/c") == ["b/c", "b/c/g", "z"]


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "link").symlink_to("..")

    assert paths(tmp_path / "top") == ["link"]


@pytest.mark.parametrize("change", ["link", "file", "nothing"])
def test_a_folder_that_becomes_something_else_is_not_entered(tmp_path: Path, change: str) -> None:
    top = tmp_path / "top"
    (top / "folder").mkdir(parents=True)
    (tmp_path / "secret").touch()
    walking = walk(top, Ignore(), enters=lambda _: True)

    assert next(walking).path == "folder"
    (top / "folder").rmdir()
    if change == "link":
        (top / "folder").symlink_to("..")
    elif change == "file":
        (top / "folder").touch()
    assert list(walking) == []


def test_a_folder_that_is_moved_leads_nowhere_else(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "a" / "b").mkdir(parents=True)
    (tmp_path / "elsewhere" / "b" / "secret").mkdir(parents=True)
    walking = walk(top, Ignore(), enters=lambda _: True)

    assert [next(walking).path, next(walking).path] == ["a", "a/b"]
    (top / "a").rename(tmp_path / "old")
    (top / "a").symlink_to("../elsewhere")
    assert list(walking) == []


def test_what_vanishes_is_left_out(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    walking = walk(tmp_path, Ignore(), enters=lambda _: True)
    next(walking)
    (tmp_path / "b").unlink()

    assert list(walking) == []


def test_a_directory_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BottleError, match="gone: it cannot be read: No such file"):
        list(walk(tmp_path / "gone", Ignore(), enters=lambda _: True))


def test_folders_too_deep_to_be_opened_are_an_error_and_leave_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = len(list(Path("/proc/self/fd").iterdir()))
    try:
        for _ in range(100):
            Path("d").mkdir()
            os.chdir("d")
        resource.setrlimit(resource.RLIMIT_NOFILE, (before + 50, hard))
        with pytest.raises(BottleError, match="Too many open files"):
            list(walk(tmp_path, Ignore(), enters=lambda _: True))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
