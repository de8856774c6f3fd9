"""Processes in a bottle: their environment, streams, terminal, exit and end."""

import os
import tempfile

import pytest

from bottle.backends.base import ExecRequest, Streams
from bottle.backends.errors import NotRunningError
from bottle.terminal import TerminalSize
from support.docker_lab import DockerLab, LiveBottle, archive, read_until, wait_for


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -TERM $$", 143)],
)
def test_exit_status(live: LiveBottle, script: str, code: int) -> None:
    assert live.run(script).code == code


def test_a_program_that_does_not_exist(live: LiveBottle) -> None:
    assert live.execute("no-such-program").code == 127


def test_it_is_the_agents_user_in_the_directory_asked_for(live: LiveBottle) -> None:
    found = live.run("id -u; id -g; pwd; touch here && rm here && echo written")

    assert found.output.split() == ["1000", "1000", "/workspace", "written"]


ODD = {
    "NEWLINES": "first\nsecond\n\n",
    "RETURN": "a\r",
    "SPACES": "  two  ",
    "QUOTES": "'\"$(id)`id`\\",
    "HASH": "# no comment",
    "EMPTY": "",
    "LETTERS": "ü→é",
    "LONG": "x" * 100_000,
    "DOCKER_HOST": "tcp://192.0.2.1:2375",
    "HTTPS_PROXY": "http://127.0.0.1:3128",
}


def test_the_environment_arrives_whole_and_alone(live: LiveBottle) -> None:
    wanted = {**live.env, **ODD}
    found = live.execute("python3", "-c", "import os; print(dict(os.environ))", env=ODD)

    assert found.code == 0, found.output
    assert eval(found.output) == {**wanted, "LC_CTYPE": "C.UTF-8"}  # python's own


def test_streams_are_kept_apart_and_input_arrives(live: LiveBottle) -> None:
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        running = live.bottle.start(
            ExecRequest(
                argv=("sh", "-c", "cat; echo problem >&2"),
                env=live.env,
                cwd="/workspace",
                streams=Streams(stdin=reading, stdout=out.fileno(), stderr=errors.fileno()),
            )
        )
        os.close(reading)
        os.write(writing, b"hello\n")
        os.close(writing)

        assert running.wait() == 0
        out.seek(0)
        errors.seek(0)
        assert (out.read(), errors.read()) == (b"hello\n", b"problem\n")


REPORTS_SIZE = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH})
os.write(1, b"ready")
while signal.sigwait({signal.SIGWINCH}):
    os.write(1, repr(os.get_terminal_size()).encode())
"""


def test_a_terminal_has_the_size_asked_for_and_follows_it(live: LiveBottle) -> None:
    with live.terminal("python3", "-c", REPORTS_SIZE, size=TerminalSize(rows=31, columns=97)) as running:
        assert running.master is not None
        read_until(running.master, "ready")
        running.resize(TerminalSize(rows=41, columns=300))
        read_until(running.master, "columns=300, lines=41")


def test_a_terminal_is_in_its_size_from_the_start(live: LiveBottle) -> None:
    with live.terminal("sh", "-c", "stty size", size=TerminalSize(rows=31, columns=97)) as running:
        assert running.master is not None
        read_until(running.master, "31 97")


def test_keys_reach_the_program_and_ctrl_c_interrupts_it(live: LiveBottle) -> None:
    with live.terminal("bash", "--norc", "-i", size=TerminalSize(rows=24, columns=80)) as running:
        assert running.master is not None
        os.write(running.master, b"sh -c 'echo $((6*7))up; exec sleep 1000'\n")
        read_until(running.master, "42up")
        os.write(running.master, b"\x03")
        os.write(running.master, b"echo $((6*7))-$?\n")
        read_until(running.master, "42-130")


def test_job_control_works_on_a_terminal(live: LiveBottle) -> None:
    with live.terminal("bash", "--norc", "-i", size=TerminalSize(rows=24, columns=80)) as running:
        assert running.master is not None
        os.write(running.master, b"sh -c 'echo $((6*7))up; exec sleep 1000'\n")
        read_until(running.master, "42up")
        os.write(running.master, b"\x1a")
        read_until(running.master, "Stopped")
        os.write(running.master, b"kill %1; fg; echo end=$((40+2))\n")
        read_until(running.master, "end=42")


def test_no_key_is_held_back_for_a_detach_sequence(live: LiveBottle) -> None:
    script = "stty raw -echo; echo ready; dd bs=1 count=1 2>/dev/null | od -An -tx1"
    with live.terminal("sh", "-c", script, size=TerminalSize(rows=24, columns=80)) as running:
        assert running.master is not None
        read_until(running.master, "ready")
        os.write(running.master, b"\x10")  # Ctrl-P
        read_until(running.master, "10")


def test_a_long_paste_arrives_unbroken(live: LiveBottle) -> None:
    paste = "a" * 300
    with live.terminal(
        "sh", "-c", "read -r line; echo ${#line}", size=TerminalSize(rows=24, columns=80)
    ) as running:
        assert running.master is not None
        os.write(running.master, paste.encode() + b"\n")
        read_until(running.master, "300\r\n")
        assert running.wait() == 0


def test_kill_ends_the_process_and_its_children(live: LiveBottle) -> None:
    with tempfile.TemporaryFile() as output:
        running = live.start("sh", "-c", "sleep 4321 & sleep 4321; echo no", output=output.fileno())
        wait_for(lambda: live.run("pgrep -fx 'sleep 4321'").output.count("\n") == 2, "two children")
        running.kill()

        assert running.wait() == 137
        assert live.run("pgrep -fx 'sleep 4321'").output == ""
        running.kill()


def test_put_makes_everything_the_agents_own(live: LiveBottle) -> None:
    with archive({"tool/run.sh": b"#!/bin/sh\necho ran\n"}, mode=0o750) as stream:
        live.bottle.put("/home/agent", stream)

    assert live.run("stat -c '%u %g %a' ~/tool/run.sh; ~/tool/run.sh").output == "1000 1000 750\nran\n"


def test_put_reaches_the_memory_folder(live: LiveBottle) -> None:
    with archive({"bottle-environment": b"x"}, mode=0o400) as stream:
        live.bottle.put("/run", stream)

    assert live.run("stat -c %a /run/bottle-environment").output == "400\n"


def test_orphans_are_reaped(live: LiveBottle) -> None:
    live.run("(sleep 0 &) ; (true &)")

    wait_for(lambda: "Z" not in live.run("ps -eo stat=").output, "no zombie")


def test_another_handle_of_the_same_identity(live: LiveBottle, module_lab: DockerLab) -> None:
    other = module_lab.backend().bottle(live.bottle.identity)

    assert other.running()
    assert LiveBottle(bottle=other).run("echo there").output == "there\n"


def test_a_bottle_that_is_not_there(lab: DockerLab) -> None:
    bottle = lab.backend().bottle("nobody-aaaaa")

    assert not bottle.running()
    with pytest.raises(NotRunningError):
        bottle.start(ExecRequest(argv=("true",), env={}, cwd="/"))
    bottle.remove()
