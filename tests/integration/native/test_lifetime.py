"""Owners die, many bottles run at once, and the terminal is a real one."""

import json
import os
import select
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from support.native_operator import Common, NativeOperator, Role, groups

_SECONDS = 30.0


def _gone(pid: int) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], _SECONDS)[0])
    finally:
        os.close(handle)


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_a_killed_owner_takes_everything_with_it(common: Common, role: Role) -> None:
    """And the next process of the same operator finds and removes what is left."""
    if not role.possible():
        pytest.skip("only root can be root")
    with common.operator(role) as operator:
        record = operator.ask("create", identity="agent-abcde")["record"]
        operator.sh("agent-abcde", "(setsid sleep 1000 &)")
        first = json.loads(Path(record).read_text())["pid"]
        operator.process.send_signal(signal.SIGKILL)
        assert _gone(first)
        operator.process.wait()
        operator.close()
        other = NativeOperator(operator.base, common, role)
        try:
            assert list(other.ask("resources")) == ["agent-abcde"]
            other.ask("remove", identity="agent-abcde")
            assert other.ask("resources") == {}
        finally:
            other.close()


def test_what_was_suspended_comes_up_with_its_home_and_workspace(operator: NativeOperator) -> None:
    """A copy, and a directory below a layer of its own; nothing runs meanwhile, and no group is left."""
    source = operator.base / "directory"
    source.mkdir()
    os.chown(source, operator.uid, operator.uid)
    for identity, workspace in (("agent-aaaaa", None), ("agent-bbbbb", [str(source), "private"])):
        operator.ask("create", identity=identity, workspace=workspace)
        operator.sh(identity, "echo home > ~/note; echo work > note; (setsid sleep 1000 &)")
        for _ in range(2):
            operator.ask("suspend", identity=identity)
        assert operator.ask("running", identity=identity) == {"running": False}
        assert groups(operator) == []
        assert operator.ask("create", identity=identity, workspace=workspace).get("running")
        assert operator.sh(identity, "cat ~/note note; ps -e | grep -c sleep") == (1, "home\nwork\n0\n")
        operator.ask("remove", identity=identity)
    source.rmdir()
    assert operator.ask("resources") == {}


def test_a_reused_pid_is_no_sandbox(operator: NativeOperator, bottle: str) -> None:
    """A record that names a stranger's pid leads neither into it nor to its end."""
    path = operator.base / "r" / "native" / bottle / "record.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "pid": os.getpid()}))
    try:
        assert operator.ask("running", identity=bottle) == {"running": False}
        answer = operator.ask("sh", identity=bottle, script="true", fresh=True)
        assert answer["error"] == "NotRunningError"
    finally:
        operator.ask("remove", identity=bottle)


def test_twenty_bottles_run_at_once(operator: NativeOperator) -> None:
    names = [f"agent-{letter * 5}" for letter in "abcdefghijklmnopqrst"]
    try:
        for name in names:
            assert operator.ask("create", identity=name).get("running")
        for name in names:
            assert operator.sh(name, f"echo {name} > ~/name; cat ~/name") == (0, f"{name}\n")
        assert sorted(operator.ask("resources")) == names
    finally:
        for name in names:
            operator.ask("remove", identity=name)
    assert operator.ask("resources") == {}


def test_the_terminal_has_a_size_that_follows_and_a_name(operator: NativeOperator, bottle: str) -> None:
    program = "trap 'echo resized $(stty size); exit 3' WINCH; stty size; tty; while :; do read -t 1; done"
    steps = [["expect", "24 80"], ["expect", "/dev/pts/0"], ["resize", 50, 132], ["expect", "resized 50 132"]]
    answer = operator.ask("terminal", identity=bottle, argv=["bash", "-c", program], steps=steps)

    assert answer["status"] == 3, answer


def test_ctrl_c_and_job_control_work(operator: NativeOperator, bottle: str) -> None:
    steps = [
        ["type", "PS1='re''ady> '\n"],
        ["expect", "ready> "],
        ["type", "sh -c 'echo run\"\"ning; exec sleep 1000'\n"],
        ["expect", "running"],
        ["type", "\x03"],
        ["expect", "ready> "],
        ["type", "echo status $?\n"],
        ["expect", "status 130"],
        ["expect", "ready> "],
        ["type", "sh -c 'echo wait\"\"ing; exec cat'\n"],
        ["expect", "waiting"],
        ["type", "\x1a"],
        ["expect", "Stopped"],
        ["type", "jobs\n"],
        ["expect", "[1]+"],
        ["type", "kill %1; fg; exit 0\n"],
    ]
    answer = operator.ask("terminal", identity=bottle, argv=["bash", "--norc", "-i"], steps=steps)

    assert answer["status"] == 0, answer
    assert "no job control" not in answer["seen"]


def test_kill_ends_the_process(operator: NativeOperator, bottle: str) -> None:
    steps = [["kill"]]
    answer = operator.ask("terminal", identity=bottle, argv=["sleep", "1000"], steps=steps)

    assert answer["status"] == 137


def test_a_long_paste_arrives_whole(operator: NativeOperator, bottle: str) -> None:
    text = "x" * 300
    steps = [["type", f"echo {text} | wc -c\n"], ["expect", "301"], ["type", "exit\n"]]

    assert operator.ask("terminal", identity=bottle, argv=["sh"], steps=steps)["status"] == 0


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_an_owner_killed_at_any_point_of_a_start_leaves_nothing_that_is_not_found(
    common: Common, role: Role
) -> None:
    """The points are spread over a start's duration by a timer that kills the owner from within."""
    if not role.possible():
        pytest.skip("only root can be root")
    for point in range(12):
        with common.operator(role) as operator:
            with suppress(AssertionError, BrokenPipeError):  # it dies before it answers, or not
                operator.ask("create", identity="agent-abcde", kill_after=point * 20)
            assert operator.process.wait() == -signal.SIGKILL
            operator.close()
            other = NativeOperator(operator.base, common, role)
            try:
                for identity in other.ask("resources"):
                    other.ask("remove", identity=identity)
                assert other.ask("resources") == {}
                assert [path for path in operator.base.rglob("*") if not path.is_dir()] == []
                assert not groups(operator)
            finally:
                other.close()
