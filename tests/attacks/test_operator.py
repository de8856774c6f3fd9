"""What an agent leaves lying about cannot turn an operator's commands against the host."""

import os
import stat
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from attacks.archives import ESCAPES
from attacks.range import LiveBottle
from bottle.proc import DEVNULL, Command, spawn, wait

_PRIVATE = "of the operator alone"
_FAKE_TAR = "#!/bin/sh\ncat /workspace/archive\n"
_TALKING_TAR = "#!/bin/sh\nprintf '\\033]0;owned\\007\\033[2J\\23331m no such file' >&2\nexit 2\n"


def _put(bottle: LiveBottle, path: str, content: bytes, mode: str = "644") -> None:
    script = f'mkdir -p "$(dirname {path})"; cat > {path}; chmod {mode} {path}'
    code, _, errors = bottle.execute("/bin/sh", "-c", script, stdin=content)
    assert code == 0, errors


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "private").write_text(_PRIVATE)
    return folder


def _damage(victim: Path, target: Path) -> list[str]:
    """What of the host an archive changed or made reachable, or brought that it must not."""
    found = [f"{path} appeared" for path in victim.iterdir() if path.name != "private"]
    private = victim / "private"
    if private.read_text() != _PRIVATE:
        found.append("the private file was overwritten")
    if private.stat().st_nlink > 1:
        found.append("the private file is linked")
    for path in (target, *target.rglob("*")) if os.path.lexists(target) else ():
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode) and not path.resolve().is_relative_to(target.resolve().parent / "d"):
            found.append(f"{path} leads out")
        if mode & (stat.S_ISUID | stat.S_ISGID) or not (
            stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)
        ):
            found.append(f"{path} is special")
    return found


@pytest.mark.parametrize("name", ESCAPES)
def test_an_answer_to_cp_cannot_leave_its_destination(
    name: str, attacked: LiveBottle, victim: Path, tmp_path: Path
) -> None:
    """The agent has put a program of its own in tar's place, and that sends what it likes."""
    archive = ESCAPES[name](victim)
    _put(attacked, "/workspace/archive", archive)
    _put(attacked, "/home/agent/.local/bin/tar", _FAKE_TAR.encode(), "755")
    target = tmp_path / "d" / "out"
    target.parent.mkdir()
    try:
        copied = attacked.project.run("cp", f"{attacked.identity}:/workspace/out", str(target))
    finally:
        attacked.execute("/bin/rm", "/home/agent/.local/bin/tar")

    assert "Traceback" not in copied.err
    assert not _damage(victim, target)


@pytest.mark.parametrize("name", ESCAPES)
def test_that_archive_does_damage_where_it_is_trusted(name: str, victim: Path, tmp_path: Path) -> None:
    """The control: the same archive, unpacked as one unpacks one's own."""
    target = tmp_path / "d" / "out"
    target.parent.mkdir()
    with tarfile.open(fileobj=BytesIO(ESCAPES[name](victim))) as archive:
        archive.extractall(target.parent, filter="fully_trusted")

    assert _damage(victim, target)


def test_cp_does_not_follow_a_link_to_a_file_of_the_host(
    attacked: LiveBottle, victim: Path, tmp_path: Path
) -> None:
    target = tmp_path / "d" / "out"
    target.parent.mkdir()
    attacked.execute("/bin/ln", "-sfn", f"{victim}/private", "/workspace/out")

    attacked.project.run("cp", f"{attacked.identity}:/workspace/out", str(target))

    assert not _damage(victim, target)
    assert not target.is_file() or target.read_text() != _PRIVATE


def test_links_of_the_current_directory_bring_nothing_in(attacked: LiveBottle, victim: Path) -> None:
    """A cloned repository has links to the operator's files; `--cwd` takes the links and not the files."""
    project = attacked.project
    work = project.cwd
    (work / "file").symlink_to(victim / "private")
    (work / "folder").symlink_to(victim)
    (work / "up").symlink_to("../" * 20 + str((victim / "private").relative_to("/")))
    try:
        found = project.run("run", "--cwd", "shell", "cat file folder/private up; ls -l; ls -A folder/")
        outside = [(work / name).read_text() for name in ("file", "folder/private", "up")]
    finally:
        for name in ("file", "folder", "up"):
            (work / name).unlink()
        project.discard_kept()

    assert "file ->" in found.out, found.err
    assert _PRIVATE not in found.out + found.err
    assert outside == [_PRIVATE] * 3


def test_no_control_characters_in_what_cp_says(attacked: LiveBottle, tmp_path: Path) -> None:
    """The agent's tar complains with sequences that would steer the operator's terminal."""
    _put(attacked, "/home/agent/.local/bin/tar", _TALKING_TAR.encode(), "755")
    try:
        code, _, told = attacked.execute("tar")
        copied = attacked.project.run("cp", f"{attacked.identity}:/workspace/out", str(tmp_path / "x"))
    finally:
        attacked.execute("/bin/rm", "/home/agent/.local/bin/tar")

    assert code == 2
    assert "\x1b" in told, "the probe says nothing that would do harm"
    assert copied.code == 1
    assert not _controls(copied.err)


def test_no_control_characters_in_list_and_state(attacked: LiveBottle) -> None:
    """Names of processes, hosts and paths that the agent chose steer nobody's terminal."""
    script = (
        "import socket,sys\n"
        "for line in (b'GET http://x\\x1b[2J.test/\\x1b]0;owned\\x07 HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n',\n"
        "             b'CONNECT \\x1b]0;owned\\x07.test:443 HTTP/1.1\\r\\n\\r\\n'):\n"
        "    with socket.create_connection(('127.0.0.1', 3128)) as s:\n"
        "        s.sendall(line); sys.stdout.buffer.write(s.recv(65536))\n"
    )
    code, _, errors = attacked.execute("python3", "-c", script)
    listed = attacked.project.run("list")

    assert code == 0, errors
    assert attacked.identity in listed.out
    assert not _controls(listed.out + listed.err)
    state = attacked.project.home / "state"
    written = [path for path in state.rglob("*") if path.is_file()]
    assert written
    assert [path for path in written if b"\x1b" in path.read_bytes()] == []


def _controls(text: str) -> list[str]:
    return [
        letter for letter in text if letter not in "\n\t" and (ord(letter) < 32 or 127 <= ord(letter) < 160)
    ]


def test_start_files_of_the_agent_run_in_the_bottle_alone(attacked: LiveBottle, victim: Path) -> None:
    """Shell start-up files, and a script that names its own launcher as its interpreter."""
    write = f"id -u > {victim}/escaped; echo ran\n"
    for path in (
        "/home/agent/.profile",
        "/home/agent/.bashrc",
        "/home/agent/.bash_profile",
        "/home/agent/.bash_logout",
    ):
        _put(attacked, path, write.encode())
    _put(attacked, "/workspace/own", b"#!/proc/self/exe\n" + write.encode(), "755")

    for argv in (("bash", "-lc", "id -u"), ("bash", "-ic", "id -u"), ("/workspace/own",)):
        code, output, errors = attacked.execute(*argv)
        assert "Traceback" not in errors, (argv, code, output, errors)
    for path in (
        "/home/agent/.profile",
        "/home/agent/.bashrc",
        "/home/agent/.bash_profile",
        "/home/agent/.bash_logout",
    ):
        attacked.execute("/bin/rm", path)

    assert [path.name for path in victim.iterdir()] == ["private"]


def test_files_left_in_shared_places_are_not_the_hosts(attacked: LiveBottle) -> None:
    name = f"left-by-an-attack-{attacked.identity}"
    places = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", "/workspace", "/home/agent")
    script = (
        "; ".join(f"echo x > {place}/{name}" for place in places) + f"; ls -d {{{','.join(places)}}}/{name}"
    )
    _, output, _ = attacked.execute("bash", "-c", script)

    left = output.split()
    assert f"/tmp/{name}" in left
    assert [path for path in left if Path(path).exists()] == []


# Empties the file behind its output, writes at its start, and opens it anew to read it.
_MEDDLE = """
import fcntl, os
for attempt in (
    lambda: fcntl.fcntl(1, fcntl.F_SETFL, 0),
    lambda: os.lseek(1, 0, 0),
    lambda: os.pwrite(1, b"X" * 8, 0),
    lambda: os.ftruncate(1, 0),
    lambda: os.write(1, os.read(os.open("/proc/self/fd/1", os.O_RDONLY | os.O_NONBLOCK), 100)),
):
    try:
        attempt()
    except OSError:
        pass
"""


def test_a_task_can_only_append_to_the_operators_output(attacked: LiveBottle, tmp_path: Path) -> None:
    """`bottle run AGENT TASK >>log`: what stood in the log is neither read nor changed."""
    log = tmp_path / "log"
    log.write_text(_PRIVATE)
    with log.open("ab") as stream:
        process = attacked.project.spawn("run", "shell", f"python3 -c '{_MEDDLE}'", stdout=stream)
        assert wait(process, 180) is not None

    assert log.read_text().startswith(_PRIVATE)
    assert log.read_text().count(_PRIVATE) == 1


def test_meddling_with_output_would_be_seen(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(_PRIVATE)
    with log.open("ab") as stream:
        wait(spawn(Command(argv=(sys.executable, "-c", _MEDDLE)), stdin=DEVNULL, stdout=stream))

    assert not log.read_text().startswith(_PRIVATE)
