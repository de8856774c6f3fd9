import os
import socket
import sys
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from bottle.errors import BottleError
from bottle.ignore import Ignore
from bottle.proc import Command, run
from bottle.tree import Node
from bottle.workspace.snapshot import Snapshot

READ_ALL = """\
import sys; from pathlib import Path; from bottle.errors import BottleError
from bottle.workspace.snapshot import Snapshot
{before}
try:
    with Snapshot(directory=Path(sys.argv[1])).archive() as stream: stream.read()
except BottleError as error: print(error)
"""


def members(directory: Path) -> dict[str, tarfile.TarInfo]:
    with (
        Snapshot(directory=directory).archive() as stream,
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        return {member.name: member for member in archive}


def test_files_git_and_links_come_along_as_they_are(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "-dash").write_text("")
    (tmp_path / "sp ace\nline").write_text("")
    (tmp_path / os.fsdecode(b"\xff")).write_text("")
    found = members(tmp_path)

    assert set(found) == {
        ".", "./.git", "./.git/HEAD", "./run.sh", "./link", "./-dash", "./sp ace\nline",
        "./" + os.fsdecode(b"\xff"),
    }  # fmt: skip
    assert found["./run.sh"].mode & 0o777 == 0o755
    assert (found["./link"].issym(), found["./link"].linkname) == (True, "/etc/passwd")


def test_a_directory_whose_name_looks_like_an_option_is_one(tmp_path: Path) -> None:
    directory = tmp_path / "--to-command=false"
    directory.mkdir()
    (directory / "a").write_text("")

    assert set(members(directory)) == {".", "./a"}


def test_a_socket_is_left_out_and_no_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "agent.sock"))
        snapshot = Snapshot(directory=tmp_path)
        with snapshot.archive() as stream:
            stream.read()

    assert snapshot.passed.complaint() == "left out, being no file, folder or link: agent.sock, pipe"
    assert set(members(tmp_path)) == {"."}


def test_a_directory_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(BottleError, match="cannot be read") as caught,
        Snapshot(directory=tmp_path / "gone").archive() as stream,
    ):
        stream.read()

    assert "No such file" in caught.value.message


@pytest.mark.skipif(os.getuid() != 0, reason="changes the user, to one that cannot read everything")
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("")
    (tmp_path / "secret").chmod(0)
    for folder in tmp_path.parents:  # the way there, however deep the test's folder lies
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)
    tmp_path.chmod(0o755)
    os.chown(tmp_path, 54321, 54321)
    code = READ_ALL.format(before="import os; os.setuid(54321)")
    said = run(Command(argv=(sys.executable, "-c", code, str(tmp_path)), cwd="/")).text

    assert said.endswith("/secret: it cannot be read: Permission denied")


def test_what_is_ignored_is_not_there_and_exceptions_are(tmp_path: Path) -> None:
    for name in ("out/a", "out/keep/b", "src/x.o", "src/x.c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found: dict[PurePosixPath, Node] = {}
    ignore = Ignore.of(("out", "!out/keep", "**/*.o"))
    with Snapshot(directory=tmp_path, ignore=ignore, note=found.__setitem__).archive() as stream:
        stream.read()

    assert list(map(str, found)) == ["out", "out/keep", "out/keep/b", "src", "src/x.c"]


def test_why_the_stream_was_cut_off_comes_before_what_the_reader_made_of_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1_000_000)
    (tmp_path / "b").mkdir()
    with pytest.raises(BottleError, match="it is no file"):
        read_and_fail(Snapshot(directory=tmp_path, note=_fails), -1)


def read_and_fail(snapshot: Snapshot, size: int) -> None:
    with snapshot.archive() as stream:
        stream.read(size)
        raise BottleError("no room")


def _fails(path: PurePosixPath, node: Node) -> None:
    raise BottleError("it is no file")


def test_a_reader_that_gives_up_has_the_word(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 1_000_000)
    with pytest.raises(BottleError, match="no room"):
        read_and_fail(Snapshot(directory=tmp_path), 10)


def test_a_reader_that_fails_ends_the_copy_with_its_own_error(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 1_000_000)
    with pytest.raises(ZeroDivisionError), Snapshot(directory=tmp_path).archive() as stream:
        _ = stream.read(10)[0] / 0
