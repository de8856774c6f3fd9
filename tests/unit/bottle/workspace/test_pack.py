"""What a tar makes of what is packed, and what is told of it."""

import io
import os
import tarfile
import tracemalloc
from pathlib import Path, PurePosixPath

import pytest

from bottle.proc import Command, run
from bottle.tree import Kind, Node, blob_id
from bottle.workspace.snapshot import Snapshot


def unpacked(snapshot: Snapshot, target: Path) -> None:
    target.mkdir()
    with snapshot.archive() as stream:
        run(Command(argv=("tar", "-x", "-p", "-o", "-f", "-", "-C", str(target))), stdin=stream)


def test_the_base_says_what_a_tar_makes_of_the_stream(tmp_path: Path) -> None:
    """With names and targets longer than a header holds, and whatever bytes."""
    top, long = tmp_path / "top", "n" * 200
    (top / long / long).mkdir(parents=True)
    (top / long / long / "f").write_bytes(b"content")
    (top / "large").write_bytes(os.urandom(600_000))
    (top / "large").chmod(0o6755)
    (top / os.fsdecode(b"\xe9\xff\n")).write_text("odd")
    (top / "link").symlink_to(os.fsdecode(b"\xff" * 150))
    os.link(top / "large", top / "same")
    (top / "empty").touch(0o400)
    (top / "locked").mkdir()
    (top / "locked" / "f").touch()
    (top / "locked").chmod(0o500)
    base: dict[PurePosixPath, Node] = {}
    unpacked(Snapshot(directory=top, note=base.__setitem__), tmp_path / "copy")
    copy: dict[PurePosixPath, Node] = {}
    with Snapshot(directory=tmp_path / "copy", note=copy.__setitem__).archive() as stream:
        stream.read()

    assert base == copy
    assert len(base) == 10
    assert base[PurePosixPath("large")].mode == 0o755
    assert (tmp_path / "copy" / "large").samefile(tmp_path / "copy" / "same")
    assert (tmp_path / "copy" / "large").stat().st_mode & 0o7777 == 0o755
    for path, node in base.items():
        if node.kind is Kind.FILE:
            said = run(Command(argv=("git", "hash-object", "--", str(top / path)), cwd="/"))
            assert said.text == node.blob
    for folder in (top, tmp_path / "copy"):
        (folder / "locked").chmod(0o700)


@pytest.mark.parametrize(("size", "left"), [(900_000, 500_000), (900_000, 0), (900_000, 2_000_000)])
def test_a_file_that_changes_its_length_while_it_is_read_is_no_error(
    tmp_path: Path, size: int, left: int
) -> None:
    """The pipe holds less than the file: when its beginning comes out, the rest is not read yet."""
    (tmp_path / "a").write_bytes(b"x" * size)
    (tmp_path / "b").write_text("behind")
    found: dict[PurePosixPath, Node] = {}
    with Snapshot(directory=tmp_path, note=found.__setitem__).archive() as stream:
        first = stream.read(1024)
        os.truncate(tmp_path / "a", left)
        data = first + stream.read()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        contents = {member.name: file.read() for member in archive if (file := archive.extractfile(member))}

    assert len(contents["./a"]) == size
    assert found[PurePosixPath("a")].blob == blob_id(contents["./a"])
    assert contents["./b"] == b"behind"


def test_a_huge_file_takes_little_memory(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(200 << 20)
    tracemalloc.start()
    try:
        with Snapshot(directory=tmp_path).archive() as stream:
            while stream.read(1 << 20):
                pass
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
