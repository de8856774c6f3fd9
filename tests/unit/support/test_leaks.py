"""The guards see what they are there to see."""

import os
import threading
from pathlib import Path

import pytest

from bottle.proc import DEVNULL, PIPE, Command, spawn
from support.leaks import ProcessState


def test_nothing_is_left_where_nothing_happened() -> None:
    assert ProcessState.now().left_since(ProcessState.now()) == []


def test_sees_a_variable_and_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ProcessState.now()
    with monkeypatch.context() as patch:
        patch.setenv("LEFT_BEHIND", "1")
        patch.chdir(tmp_path)
        left = ProcessState.now().left_since(before)

    assert left == ["environment variable LEFT_BEHIND", f"the current directory is {tmp_path}"]
    assert "LEFT_BEHIND" not in os.environ


def test_sees_a_child_that_runs_and_one_nobody_waited_for() -> None:
    before = ProcessState.now()
    with spawn(Command(argv=("cat",)), stdin=PIPE, stdout=DEVNULL) as child:
        running = ProcessState.now().left_since(before)
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        ended = ProcessState.now().left_since(before)

    assert [text.partition(":")[0] for text in running] == [f"child process {child.pid}"]
    assert ended == [f"child process {child.pid}: ended, but nobody waited for it"]
    assert ProcessState.now().left_since(before) == []


def test_sees_a_thread_that_goes_on_and_waits_for_one_that_ends() -> None:
    before = ProcessState.now()
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="goes on")
    thread.start()
    now = ProcessState.now()
    timer = threading.Timer(0.1, end.set)
    timer.start()

    assert now.left_since(before) == []

    timer.join()
    assert not thread.is_alive()
