"""Where the archive unpacks itself, and which folders it does not trust."""

import os
from pathlib import Path

import pytest

from bottle.zipapp import candidates, private

UID = os.geteuid()


def test_prefers_the_cache_and_falls_back_to_a_folder_of_the_user() -> None:
    found = list(candidates({"XDG_CACHE_HOME": "/cache"}, 7))

    assert found == ["/cache/bot-bottle/program", "/tmp/bot-bottle-7/program"]


def test_a_relative_cache_is_not_a_place() -> None:
    assert list(candidates({"XDG_CACHE_HOME": "cache"}, 7)) == ["/tmp/bot-bottle-7/program"]


def test_trusts_what_only_this_user_can_change(tmp_path: Path) -> None:
    folder = _folder(tmp_path)

    assert private(str(folder), UID)


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
@pytest.mark.parametrize("which", ["folder", "parent"])
def test_refuses_what_others_can_write_to(tmp_path: Path, mode: int, which: str) -> None:
    folder = _folder(tmp_path)
    (folder if which == "folder" else folder.parent).chmod(mode)

    assert not private(str(folder), UID)


def test_refuses_another_owner(tmp_path: Path) -> None:
    assert not private(str(_folder(tmp_path)), UID + 1)


def test_refuses_a_link_to_somewhere_else(tmp_path: Path) -> None:
    target = _folder(tmp_path)
    link = target.parent / "link"
    link.symlink_to(target)

    assert not private(str(link), UID)


def test_refuses_what_is_not_there(tmp_path: Path) -> None:
    assert not private(str(tmp_path / "a" / "b"), UID)


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "parent" / "program"
    folder.mkdir(parents=True)
    for path in (folder.parent, folder):
        path.chmod(0o755)
    return folder
