"""Processes are found by their marker alone, and only exactly those are ended."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bottle import proc
from bottle.backends.native import processes
from bottle.jail import process
from bottle.proc import Command

SCOPE = "0123456789ab"
_WAIT = "import sys; sys.stdin.read()"


@contextmanager
def running(*argv: str) -> Iterator[proc.Process]:
    child = proc.spawn(Command(argv=argv), stdin=proc.PIPE)
    try:
        yield child
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.wait()


def _found(pid: int) -> list[str]:
    return [entry.identity for entry in processes.find(SCOPE) if entry.pid == pid]


def test_a_warden_is_found_and_a_program_that_mentions_a_marker_is_not() -> None:
    mark = processes.marker(SCOPE, "agent-abcde")
    with running(sys.executable, "-I", "-S", "-c", _WAIT, mark) as warden:
        assert _found(warden.pid) == ["agent-abcde"]
    with running("sh", "-c", "read x", mark) as stranger:
        assert _found(stranger.pid) == []
    with running(sys.executable, "-I", "-S", "-c", _WAIT, processes.marker("other", "agent-abcde")) as other:
        assert _found(other.pid) == []


def test_only_the_process_of_that_start_time_is_ended() -> None:
    with running("sh", "-c", "read x") as child:
        started = process.started(child.pid)
        assert started is not None
        processes.end([(child.pid, started + 1)])
        assert child.poll() is None
        processes.end([(child.pid, started)])
        assert child.wait() == -9
        processes.end([(child.pid, started)])


def test_a_process_that_is_gone_has_no_start_time(tmp_path: Path) -> None:
    with running("true") as child:
        child.wait()
    assert process.started(child.pid) is None
    assert process.handle(os.getpid(), 0) is None
