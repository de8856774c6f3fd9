import os
import socket
import sys
import tarfile
from pathlib import Path

import pytest

from bottle.errors import BottleError
from bottle.proc import Command, run
from bottle.workspace.snapshot import Snapshot

READ_ALL = """\
import sys; from pathlib import Path; from bottle.errors import BottleError
from bottle.workspace.snapshot import Snapshot
{before}
try:
    with Snapshot(Path(sys.argv[1])).archive() as stream: stream.read()
except BottleError as error: print(error)
"""


def members(directory: Path) -> dict[str, tarfile.TarInfo]:
    with Snapshot(directory).archive() as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
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
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "agent.sock"))

        assert set(members(tmp_path)) == {"."}


def test_a_directory_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(BottleError, match="cannot be copied") as caught,
        Snapshot(tmp_path / "gone").archive() as stream,
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

    assert "cannot be copied" in said
    assert "secret" in said


def test_a_tar_that_is_killed_is_no_complete_copy(tmp_path: Path) -> None:
    """As by the kernel for lack of memory: what came until then must not pass for all."""
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "tar"
    fake.write_text("#!/bin/sh\nkill -9 $$\n")
    fake.chmod(0o755)
    code = READ_ALL.format(
        before="import os; os.environ['PATH'] = sys.argv[1] + '/bin:' + os.environ['PATH']"
    )
    said = run(Command(argv=(sys.executable, "-c", code, str(tmp_path)))).text

    assert "cannot be copied" in said


def test_a_reader_that_fails_ends_the_copy_with_its_own_error(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 1_000_000)
    with pytest.raises(ZeroDivisionError), Snapshot(tmp_path).archive() as stream:
        _ = stream.read(10)[0] / 0
