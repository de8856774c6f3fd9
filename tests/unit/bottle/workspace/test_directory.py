import os
from pathlib import Path, PurePosixPath

import pytest

from bottle.errors import BottleError
from bottle.tree import Kind
from bottle.workspace.directory import ChangedMeanwhileError, Directory, InTheWayError, Seen, kind_of
from support.trees import FOLDER, Tree, file, link

X = PurePosixPath("x")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def test_entries_as_git_names_them(root: Path) -> None:
    tree = Tree.of({"a/file": file("text", 0o755), "a/link": link("./odd//target"), "a/folder": FOLDER})
    tree.write(root)

    with Directory(root) as host:
        for path, item in tree.items.items():
            entry = host.entry(path)
            assert entry
            assert entry.node == item.node
        assert host.entry(PurePosixPath("a/none")) is None
        assert host.entry(PurePosixPath("none/below")) is None


def test_nothing_is_followed(root: Path) -> None:
    (root.parent / "outside").mkdir()
    (root.parent / "outside/file").write_text("secret")
    (root / "way").symlink_to(root.parent / "outside")
    (root / "file").write_text("")

    with Directory(root) as host:
        for way, kind in (("way", Kind.LINK), ("file", Kind.FILE)):
            for look in (host.entry, host.seen, lambda path: next(host.chunks(path, Seen.of(root.stat())))):
                with pytest.raises(InTheWayError) as error:
                    look(PurePosixPath(way, "file"))
                assert (str(error.value.path), error.value.kind) == (way, kind)
        with pytest.raises(InTheWayError):
            host.names(PurePosixPath("way"))


def test_a_file_that_is_written_while_it_is_read(root: Path) -> None:
    (root / "x").write_bytes(b"0" * (3 << 20))

    with Directory(root) as host:
        seen = host.seen(X)
        assert seen
        chunks = host.chunks(X, seen)
        next(chunks)
        with (root / "x").open("ab") as file:
            file.write(b"1")
        with pytest.raises(ChangedMeanwhileError):
            list(chunks)


def test_a_pipe_that_takes_the_place_of_a_file_blocks_nobody(root: Path) -> None:
    (root / "x").write_bytes(b"0")

    with Directory(root) as host:
        seen = host.seen(X)
        assert seen
        (root / "x").unlink()
        os.mkfifo(root / "x")
        with pytest.raises(ChangedMeanwhileError):
            list(host.chunks(X, seen))


def test_what_tells_whether_it_is_the_same(root: Path) -> None:
    (root / "x").write_text("0")
    with Directory(root) as host:
        first = host.seen(X)
        assert first
        assert first.is_same(Seen.of((root / "x").lstat()))
        (root / "y").hardlink_to(root / "x")
        second = host.seen(X)
        assert second
        assert not first.is_same(second)
        assert first.is_same(second, renamed=True)
        (root / "x").write_text("1")
        third = host.seen(X)
        assert third
        assert not first.is_same(third, renamed=True)


def test_a_folder_is_the_same_whatever_comes_into_it(root: Path) -> None:
    (root / "x").mkdir()
    with Directory(root) as host:
        first = host.seen(X)
        (root / "x/new").touch()
        second = host.seen(X)
        assert first
        assert second
        assert first.is_same(second)


def test_folders_times(root: Path) -> None:
    with Directory(root) as host:
        host.touch(PurePosixPath(), 1_000_000_000)
        assert host.touched_ns(PurePosixPath()) == root.stat().st_mtime_ns == 1_000_000_000
        assert host.touched_ns(X) is None
        host.touch(X, 1)


def test_case_counts_on_the_file_systems_of_tests(root: Path) -> None:
    (root / "Name").touch()
    with Directory(root) as host:
        assert not host.folds(PurePosixPath())
        assert not host.folds(PurePosixPath("not/yet"))
        (root / "Name").unlink()
        (root / "123").touch()
        assert not host.folds(PurePosixPath())
        assert host.is_spelled(PurePosixPath("anything"))


def test_a_directory_that_is_not_there(root: Path) -> None:
    with pytest.raises(BottleError, match="cannot be opened"), Directory(root / "gone"):
        pass


def test_kinds(root: Path) -> None:
    assert kind_of(Path("/dev/null").stat().st_mode) is Kind.OTHER
    assert kind_of(root.stat().st_mode) is Kind.FOLDER
