"""The host's directory in a native bottle: the agent has it as its own, and the host keeps it as it is."""

import os
import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.native_operator import NativeOperator
from support.native_program import DISK

IDENTITY = "agent-abcde"
HALF = DISK // 2 // 1024  # KiB
ODD = b"a:b,c\\d e\xff"
RUIN = """
import mmap, os
for folder, folders, files in os.walk('.', topdown=False):
    for name in files:
        path = os.path.join(folder, name)
        try:
            if not os.path.islink(path) and os.path.isfile(path):
                os.chmod(path, 0o777)
                os.utime(path, (1, 1))
                with open(path, 'r+b') as file:
                    file.write(b'RUIN')
                    file.flush()
                    mmap.mmap(file.fileno(), 4)[:4] = b'ruin'
                os.truncate(path, 1)
                os.link(path, path + '.link')
                os.setxattr(path, 'user.x', b'y')
        except OSError as error:
            print(path, error)
        try:
            os.rename(path, path + '.moved')
            os.remove(path + '.moved')
        except OSError as error:
            print(path, error)
            os.remove(path)
    for name in folders:
        path = os.path.join(folder, name)
        if os.path.islink(path):
            os.remove(path)
            continue
        os.chmod(path, 0o700)
        for each in os.listdir(path):
            os.remove(os.path.join(path, each))
        os.rmdir(path)
open('new', 'w').write('new')
print(sorted(os.listdir('.')))
"""


def tree(folder: Path) -> Mapping[str, tuple[Any, ...]]:
    """Everything that can be told of each entry, but when it was last read."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        target = str(path.readlink()) if path.is_symlink() else ""
        found[str(path)] = (*status[:7], status.st_mtime_ns, status.st_ctime_ns, content, target)
    return found


@pytest.fixture
def directory(operator: NativeOperator) -> Path:
    """What a project may hold, below a folder that nobody else may enter, with a name that needs care."""
    private = operator.base / "private"
    top = private / os.fsdecode(ODD)
    (top / "sub" / "deep").mkdir(parents=True)
    (top / ".git").mkdir()
    (top / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (top / "sub" / "deep" / "file").write_text("content\n")
    (top / "program").write_text("#!/bin/sh\n")
    (top / "program").chmod(0o4755)
    (top / "secret").write_text("mine\n")
    (top / "secret").chmod(0o400)
    (top / "link").symlink_to("sub/deep/file")
    (top / "out").symlink_to("/etc/shadow")
    (top / "folders").symlink_to("sub")
    os.link(top / "program", top / "sub" / "same")
    os.mkfifo(top / "pipe")
    (top / "sub").chmod(0o750)
    for path in (private, *private.rglob("*")):
        os.lchown(path, operator.uid, operator.uid)
    (top / "program").chmod(0o4755)
    private.chmod(0o700)
    if os.getuid() == 0:
        (top / "other's").write_text("of another\n")
        os.chown(top / "other's", 12345, 12345)
    return top


@contextmanager
def created(operator: NativeOperator, directory: Path, *options: str) -> Iterator[dict[str, Any]]:
    source = os.fsencode(directory).decode(errors="surrogateescape")
    answer = operator.ask("create", identity=IDENTITY, workspace=[source, *(options or ("private",))])
    try:
        assert answer.get("running"), answer
        yield answer
    finally:
        operator.ask("remove", identity=IDENTITY)


def test_the_agent_has_all_of_it_and_can_change_nothing_of_the_host_s(
    operator: NativeOperator, directory: Path
) -> None:
    before = tree(directory)
    with created(operator, directory) as answer:
        assert (answer["how"], answer["note"]) == ("overlay", "")
        script = "cat link secret .git/HEAD; stat -c '%u %a' . sub secret; test -x program && echo runs"
        assert operator.sh(IDENTITY, script) == (
            0,
            "content\nmine\nref: refs/heads/main\n1000 755\n1000 750\n1000 400\nruns\n",
        )
        status, said = operator.sh(IDENTITY, f'python3 -c "{RUIN}"')
        assert (status, said.splitlines()[-1]) == (0, "['new', 'program.link', 'secret.link']")
        assert (Path(answer["box"]) / "upper" / "new").read_text() == "new"
    assert tree(directory) == before
    assert not Path(answer["box"]).exists()


def test_sockets_and_pipes_of_the_host_lead_nowhere(operator: NativeOperator, directory: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        at = os.open(directory, os.O_PATH)
        server.bind(f"/proc/self/fd/{at}/s")  # a path of any length
        os.close(at)
        server.listen()
        (directory / "s").chmod(0o777)
        os.chown(directory / "s", operator.uid, operator.uid)
        reader = os.open(directory / "pipe", os.O_RDONLY | os.O_NONBLOCK)
        connect = "import socket; socket.socket(socket.AF_UNIX).connect('s')"
        write = "import os; os.write(os.open('pipe', os.O_RDWR | os.O_NONBLOCK), b'x')"
        try:
            with created(operator, directory):
                assert "refused" in operator.sh(IDENTITY, f'python3 -c "{connect}"')[1]
                assert operator.sh(IDENTITY, f'python3 -c "{write}"') == (0, "")
                assert select.select([server], [], [], 0)[0] == []
                assert os.read(reader, 1) == b""
            with created(operator, directory, "mount"):  # the control: here they do
                assert operator.sh(IDENTITY, f'python3 -c "{connect}"') == (0, "")
                assert operator.sh(IDENTITY, f'python3 -c "{write}"') == (0, "")
                server.accept()[0].close()
        finally:
            os.close(reader)


def test_what_is_mounted_is_the_directory_itself(operator: NativeOperator, directory: Path) -> None:
    with created(operator, directory, "mount") as answer:
        assert answer["how"] == "mount"
        script = "echo new > new; mkdir folder; echo more >> sub/deep/file; stat -c %u . new sub/deep/file"
        assert operator.sh(IDENTITY, script) == (0, "1000\n1000\n1000\n")
    assert (directory / "sub" / "deep" / "file").read_text() == "content\nmore\n"
    owners = {path.stat().st_uid for path in (directory / "new", directory / "folder")}
    assert owners == {operator.uid}
    assert not Path(answer["box"]).exists()


def test_where_no_layer_can_be_it_is_to_be_copied_and_why_is_said(operator: NativeOperator) -> None:
    """Root meets a file system that shows no other owners; for another user this directory is root's."""
    with created(operator, Path("/dev/pts")) as answer:
        root = operator.uid == 0
        assert answer["how"] == "copy"
        assert ("mount_setattr" if root else "another user or group") in answer["note"]
        assert operator.sh(IDENTITY, "ls -A; touch x") == (0, "")
        assert not (Path(answer["box"]) / "upper").exists()


def test_what_is_to_stay_out_is_not_there(operator: NativeOperator, directory: Path) -> None:
    patterns = ("secret", "sub/*", "!sub/same", "**/gone", "link")
    before = tree(directory)
    with created(operator, directory, "private", *patterns):
        found = "find . -mindepth 1 | sort | tr '\\n' ' '; stat -c %a sub; echo new > secret; cat secret"
        listed = "./.git ./.git/HEAD ./folders {}./out ./pipe ./program ./sub ./sub/same 750\nnew\n"
        others = "./other's " if os.getuid() == 0 else ""

        assert operator.sh(IDENTITY, found) == (0, listed.format(others))
    assert tree(directory) == before


def test_what_is_to_stay_out_does_not_come_later_either(operator: NativeOperator, directory: Path) -> None:
    with created(operator, directory, "private", ".env", "sub/key", "*.pem"):
        for name in (".env", "sub/key", "late.pem"):
            (directory / name).write_text("mine\n")

        code, out = operator.sh(IDENTITY, "ls -A . sub; cat .env sub/key")
        assert (code, "mine" in out) == (1, False)
        assert not {".env", "key"} & set(out.split())
        assert operator.sh(IDENTITY, "echo own > .env; cat .env; rm .env; ls .env 2>&1")[1].startswith(
            "own\n"
        )
        assert (directory / ".env").read_text() == "mine\n"


HOLDING = f"""
import os, time
files = []
for number in range(3):
    files.append(open(f'f{{number}}', 'wb'))
    os.unlink(f'f{{number}}')
    files[-1].write(bytes({HALF} << 10))
    files[-1].flush()
time.sleep(100)
"""
WAYS = {
    "a folder without permissions": (
        f"mkdir sub/d; for n in 1 2 3; do head -c {HALF}K /dev/zero > sub/d/$n; done; "
        "chmod 0 sub/d/* sub/d sub"
    ),
    "files without a name": f'exec python3 -c "{HOLDING}"',
    "changes to what the host has": "for n in 1 2 3; do echo >> large-$n; done",
}


@pytest.mark.parametrize("way", WAYS)
def test_what_the_agent_adds_is_measured(operator: NativeOperator, directory: Path, way: str) -> None:
    """The host's files, which are more than the agent may have, are not."""
    for number in (1, 2, 3):
        file = directory / f"large-{number}"
        file.write_bytes(bytes(HALF * 1024))
        os.chown(file, operator.uid, operator.uid)
    with created(operator, directory):
        operator.ask("background", identity=IDENTITY, script=WAYS[way] + "; sleep 100")

        assert operator.ask("overuse")["used"] > DISK
        assert operator.ask("halt", identity=IDENTITY) == {"running": False}
