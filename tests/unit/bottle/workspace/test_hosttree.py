import io
import os
from pathlib import Path, PurePosixPath

import pytest

from bottle.tree import Kind, Node, blob_id
from bottle.workspace.hosttree import HostTree, blob_of


@pytest.fixture
def tree(tmp_path: Path) -> HostTree:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "f").write_text("text")
    (tmp_path / "d" / "f").chmod(0o2755)
    (tmp_path / "link").symlink_to("d")
    (tmp_path / "alias").symlink_to("d/f")
    os.mkfifo(tmp_path / "pipe")
    return HostTree(tmp_path)


def path(name: str) -> PurePosixPath:
    return PurePosixPath(name)


def test_each_kind_is_a_node(tree: HostTree) -> None:
    blob = blob_id(b"text")
    assert tree.node(path("d/f")) == Node(kind=Kind.FILE, mode=0o755, size=4, blob=blob)
    assert tree.node(path("d")) == Node(kind=Kind.FOLDER, mode=0o755)
    assert tree.node(path("link")) == Node(kind=Kind.LINK, target="d", blob=blob_id(b"d"))
    assert tree.node(path("pipe")) == Node(kind=Kind.OTHER, mode=0o644)
    assert tree.node(path("none")) is None
    assert tree.node(path("d/f/below")) is None


def test_nothing_lies_behind_a_link(tree: HostTree) -> None:
    assert tree.status(path("link/f")) is None
    assert tree.node(path("link/f")) is None
    assert list(tree.below(path("link"))) == []


def test_a_file_is_opened_only_as_one(tree: HostTree) -> None:
    with tree.open(path("d/f")) as file:
        assert file.read() == b"text"
    for name in ("link", "alias", "pipe", "d", "none"):
        with pytest.raises(OSError, match=name), tree.open(path(name)):
            pass


def test_below_is_all_but_gits_own(tree: HostTree) -> None:
    (tree.root / "d" / "e" / ".git").mkdir()
    (tree.root / "d" / "e" / ".git" / "config").touch()
    (tree.root / "d" / "e" / "l").symlink_to("..")

    assert set(tree.below(path("d"))) == {path("d/e"), path("d/f"), path("d/e/l")}
    assert list(tree.below(path("none"))) == []


def test_above_is_the_nearest_folder(tree: HostTree) -> None:
    for name, nearest in (("d/e/x/y", "d/e"), ("d/f/x", "d"), ("link/x", ""), ("x", "")):
        assert tree.above(path(name)).st_ino == (tree.root / nearest).stat().st_ino


def test_a_blob_of_another_length_is_none() -> None:
    assert blob_of(io.BytesIO(b"text"), 4) == blob_id(b"text")
    assert blob_of(io.BytesIO(b"text"), 3) == ""


def test_what_is_mounted_below_is_another_tree() -> None:
    machine = HostTree(Path("/"))

    assert path("proc") in machine.mounts
    assert machine.mounted(path("proc/version"))
    assert not machine.mounted(path("etc/passwd"))
    assert list(machine.below(path("proc"))) == []


def test_a_mount_is_no_part_of_itself(tree: HostTree) -> None:
    assert tree.mounts == frozenset()
    assert HostTree(Path("/proc")).mounted(path("version")) is False
