"""A session that is left running: what a person relies on who starts it, goes, and comes back."""

import json
import os
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.agent_apis import agent_apis
from support.operator_terminal import LEADER, OperatorTerminal
from support.project import BottleProject, shell_agent
from support.scripts import RunShell, Say, Script
from support.sites import Site
from support.tmux import terminal

PROMPT = rb"\$ "
DETACH = b"\x10\x11"
SECONDS = 60.0
TOKEN = "sk-real-token-5b1f0a7c93e24d68"
MOST_GROWTH = 16 << 20
pytestmark = pytest.mark.timeout(600)
on_native = pytest.mark.parametrize("site", ["native"], indirect=True)
"""What happens in the foreground is the same on each."""


def test_a_session_is_left_found_again_used_and_stopped(project: BottleProject) -> None:
    project.write(shell_agent())
    with left_running(project) as identity:
        (row,) = bottles(project)
        assert (row["identity"], row["attached"], row["blocked"]) == (identity, 0, 0)
        with project.terminal("attach", identity, rows=24, columns=80) as one:
            at_prompt(one)
            settled(one, rows=24, columns=80)
            with project.terminal("attach", identity, rows=30, columns=70) as two:
                settled(two, rows=24, columns=70)
                two.type(b"echo from-$((1+1)) | tee kept.txt; curl -sS https://example.com/x; echo\r")
                one.expect(rb"from-2\r\n")
                two.expect(rb"example\.com")
                await_that(lambda: bottles(project)[0]["attached"] == 2)
                two.process.kill()
                await_that(lambda: bottles(project)[0]["attached"] == 1)
            settled(one, rows=24, columns=80)
            one.type(DETACH)
            assert one.wait() == 0
        assert bottles(project)[0]["attached"] == 0
        assert bottles(project)[0]["blocked"] == 1
        entered = project.run("exec", identity, "--", "cat", "kept.txt")
        copied = project.run("cp", f"{identity}:kept.txt", ".")
        stopped = project.run("stop", identity)

    assert (entered.out, copied.code, stopped.code) == ("from-2\n", 0, 0)
    assert (project.cwd / "kept.txt").read_text() == "from-2\n"
    assert bottles(project) == []
    assert project.run("cleanup", "--yes").out == ""


def test_it_outlives_its_terminal_and_says_later_how_it_ended(project: BottleProject) -> None:
    project.write(shell_agent())
    with project.terminal("start", "--yes", "--detach", "shell") as started:
        assert started.wait() == 0
        identity = bytes(started.output).decode().split()[-1]
    with project.terminal("attach", identity) as attached:
        at_prompt(attached)
        attached.type(b"exit 7\r")

        assert attached.wait() == 7
    await_that(lambda: bottles(project) == [])
    late = project.run("attach", identity)

    assert (late.code, late.out) == (1, "")
    assert f"{identity} runs no more: the agent ended with status 7" in late.err


def test_a_flood_that_nobody_reads_holds_neither_the_agent_up_nor_the_owner_s_memory(
    project: BottleProject,
) -> None:
    project.write(shell_agent())
    with left_running(project) as identity:
        owner = record(project, identity)["owner_pid"]
        with project.terminal("attach", identity) as attached:
            at_prompt(attached)
            attached.type(b"head -c 100000000 /dev/zero | tr '\\0' x; touch done; yes\r")
            attached.expect(rb"x{100}")
            attached.type(DETACH)
            attached.wait()
        before = resident(owner)
        await_that(lambda: project.run("exec", identity, "--", "test", "-e", "done").code == 0)

        assert resident(owner) - before < MOST_GROWTH
        with project.terminal("attach", identity) as again:
            again.expect(rb"y\r\ny\r\n")
            again.type(b"\x03")
            again.expect(PROMPT)
        assert project.run("stop", identity).code == 0


def test_real_claude_code_is_left_in_the_middle_and_come_back_to(
    site: Site, project: BottleProject, tmp_path: Path
) -> None:
    turns = (RunShell("id -un"), Say("The command printed: {tool_result}"))
    sockets = Path(project.environ["XDG_RUNTIME_DIR"])
    with agent_apis(
        tmp_path / "ca", required_token=TOKEN, script=Script(turns=turns), host=site.host
    ) as apis:
        server = apis.anthropic
        project.write(claude_agent(f"{site.host}:{server.port}", apis.authority.certificate))
        with left_running(project, "coder", REAL_TOKEN=TOKEN) as identity:
            command = project.command("attach", identity)
            with terminal(sockets / "one", command, rows=24, columns=80) as first:
                first.wait_for("bypass permissions on")
                first.say("run id")
                first.wait_for("The command printed: agent")
            await_that(lambda: bottles(project)[0]["attached"] == 0)
            with terminal(sockets / "two", command, rows=40, columns=120) as second:
                second.wait_for("The command printed: agent")
                second.say("/exit")

                assert second.status() == 0


def test_a_session_in_the_foreground_is_left_by_its_keys_and_come_back_to(project: BottleProject) -> None:
    project.write(shell_agent())
    with project.terminal("start", "--yes", "shell") as started:
        started.expect(PROMPT, SECONDS)
        assert bottles(project)[0]["attached"] == 1
        started.type(b"echo left-$((1+1))\r")
        started.expect(rb"left-2\r\n")
        started.type(DETACH)

        assert started.wait() == 0
        assert started.attributes() == started.attributes_before
        identity = started.expect(rb"come back with: bottle attach (\S+)").group(1).decode()
    assert bottles(project)[0]["attached"] == 0
    with project.terminal("attach", identity) as attached:
        at_prompt(attached)
        attached.type(b"exit 5\r")

        assert attached.wait() == 5
    await_that(lambda: bottles(project) == [])
    assert "the agent ended with status 5" in project.run("attach", identity).err


@on_native
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, None])
def test_a_session_in_the_foreground_ends_with_its_terminal(
    project: BottleProject, number: signal.Signals | None
) -> None:
    project.write(shell_agent())
    with project.terminal("start", "--yes", "shell") as started:
        started.expect(PROMPT, SECONDS)
        if number:
            started.process.send_signal(number)
            assert started.wait() == (-number if number == signal.SIGKILL else 128 + number)
            await_that(lambda: started.attributes() == started.attributes_before)
    await_that(lambda: list((project.home / "state").glob("shell-*")) == [])


@on_native
def test_a_killed_owner_leaves_the_terminal_as_it_was(project: BottleProject) -> None:
    project.write(shell_agent())
    with project.terminal("start", "--yes", "shell") as started:
        started.expect(PROMPT, SECONDS)
        (row,) = bottles(project)
        os.kill(record(project, row["identity"])["owner_pid"], signal.SIGKILL)

        assert started.wait() == 137
        assert started.attributes() == started.attributes_before
    assert bottles(project) == []
    assert project.run("cleanup", "--yes").code == 0


@on_native
def test_a_session_in_the_foreground_is_suspended_and_continued_by_the_shell(project: BottleProject) -> None:
    project.write(shell_agent())
    command = project.command("start", "--yes", "shell")
    shell = (*LEADER, "bash", "--norc", "-i")
    with OperatorTerminal(*shell, env=command.env, cwd=command.cwd) as outer:
        outer.expect(PROMPT)
        outer.type(f"PS1='outer> '; {shlex.join(command.argv)}\r".encode())
        outer.expect(rb"/workspace\$ ", SECONDS)
        (front,) = children(outer.process.pid)
        os.kill(front, signal.SIGTSTP)
        outer.expect(rb"Stopped.*outer> ")
        outer.type(b"echo cooked-$((1+1)); bg\r")
        outer.expect(rb"cooked-2\r\n.*outer> ")
        outer.type(b"fg\r")
        outer.expect(rb"fg\r\n.*start --yes shell")
        at_prompt(outer)
        outer.type(b"echo raw-$((1+1)); exit 4\r")
        outer.expect(rb"raw-2\r\n.*outer> ")
        outer.type(b"echo was-$?; exit\r")
        outer.expect(rb"was-4\r\n")


@on_native
def test_a_launch_that_fails_says_so_in_the_foreground(project: BottleProject) -> None:
    project.write(shell_agent())
    runtime = Path(project.environ["XDG_RUNTIME_DIR"]) / "bot-bottle"
    runtime.mkdir(mode=0o755)

    outcome = project.run("start", "--yes", "--detach", "shell")

    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.count("must be a folder of yours that nobody else can enter") == 1
    assert bottles(project) == []


@on_native
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_launch_takes_it_down(project: BottleProject, number: signal.Signals) -> None:
    project.write(shell_agent())
    with project.terminal("start", "--yes", "--detach", "shell") as started:
        started.expect(rb"CA fingerprint")
        started.process.send_signal(number)

        assert started.wait() == 128 + number
    assert bottles(project) == []
    assert list((project.home / "state").glob("shell-*")) == []


@on_native
def test_a_launch_whose_foreground_is_killed_comes_to_nothing(project: BottleProject) -> None:
    project.write(shell_agent())
    with project.terminal("start", "--yes", "--detach", "shell") as started:
        started.expect(rb"CA fingerprint")
        started.process.kill()
        started.wait()

        await_that(lambda: list((project.home / "state").glob("shell-*")) == [])
    assert project.run("cleanup", "--yes").out == ""


@on_native
def test_the_owner_holds_nothing_of_the_operator_s(project: BottleProject) -> None:
    project.write(shell_agent())
    with project.terminal("start", "--yes", "--detach", "shell") as started:
        started.wait()
        identity = bytes(started.output).decode().split()[-1]
        owner = record(project, identity)["owner_pid"]
        notes = project.home / "logs" / f"{identity}.notes"
        terminal_of_the_start = os.ttyname(started.slave)
        opened = {path.name: str(path.readlink()) for path in Path(f"/proc/{owner}/fd").iterdir()}

        assert os.getsid(owner) == owner
        assert terminal_of_the_start not in opened.values()
        assert (opened["0"], opened["1"], opened["2"]) == ("/dev/null", "/dev/null", str(notes))
    assert notes.stat().st_mode & 0o777 == 0o600
    runtime = Path(project.environ["XDG_RUNTIME_DIR"]) / "bot-bottle"
    modes = {path.name: path.stat().st_mode & 0o777 for path in (runtime, *(runtime / identity).iterdir())}
    assert modes == {"bot-bottle": 0o700, "attach.sock": 0o600, "presence": 0o600}
    assert project.run("stop", identity).code == 0


@contextmanager
def left_running(project: BottleProject, agent: str = "shell", **environ: str) -> Iterator[str]:
    """Started and left, its identity. It is gone afterwards, also where the test fails."""
    outcome = project.run("start", "--yes", "--detach", agent, **environ)
    assert outcome.code == 0, outcome.err
    identity = outcome.out.removesuffix("\n")
    try:
        yield identity
    finally:
        if bottles(project):
            project.run("stop", identity)


def bottles(project: BottleProject) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = json.loads(project.run("list", "active", "--json").out)["data"]
    return data


def record(project: BottleProject, identity: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.home / "state" / identity / "record.json").read_text())
    return found


def resident(pid: int) -> int:
    """Bytes of memory that a process has had at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) << 10


def at_prompt(shell: OperatorTerminal) -> None:
    """A shell paints its prompt anew only if it sees in time that its size changed, so it is asked to."""
    shell.type(b"\r")
    shell.expect(rb"/workspace\$ ", SECONDS)


def settled(shell: OperatorTerminal, *, rows: int, columns: int) -> None:
    """Asks for the size until it is the one that is expected."""
    shell.type(
        f"until [ \"$(stty size)\" = '{rows} {columns}' ]; do sleep 0.1; done; echo fits-$((1+1))\r".encode()
    )
    shell.expect(rb"fits-2\r\n")


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def await_that(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline, "not reached"
        time.sleep(0.1)


def claude_agent(address: str, ca_file: Path) -> dict[str, str]:
    reached = f"host: api.anthropic.com, address: '{address}', ca_file: {ca_file}"
    return {
        "agents/coder.md": "---\nbottle: coder\n---\n",
        "bottles/coder.md": (
            "---\nagent_provider: {template: claude, auth_token: REAL_TOKEN}\n"
            f"egress:\n  routes:\n    - {{{reached}}}\n---\n"
        ),
    }
