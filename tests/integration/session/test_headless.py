"""`bottle run`: an agent without a terminal."""

import os
import signal
from pathlib import Path

import pytest

from bottle.proc import DEVNULL, PIPE, Command, run, spawn
from support.operator_terminal import PROGRAM


def headless(*argv: str) -> tuple[str, ...]:
    return (*PROGRAM, "run", "--headless", "--", *argv)


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 42", 42), ("kill -KILL $$", 137)])
def test_the_exit_status_is_the_agents(script: str, status: int) -> None:
    done = run(Command(argv=headless("sh", "-c", f"echo out; echo err >&2; {script}")), check=False)

    assert (done.code, done.stdout, done.stderr) == (status, b"out\n", b"err\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_agent(number: signal.Signals) -> None:
    script = "trap '' INT TERM HUP; echo $$; while :; do sleep 600; done"
    with spawn(Command(argv=headless("sh", "-c", script)), stdin=DEVNULL, stdout=PIPE) as process:
        assert process.stdout is not None
        agent = int(process.stdout.readline())
        while not catches(process.pid, signal.SIGHUP):  # the session is ready
            assert process.poll() is None
        process.send_signal(number)

        assert process.wait(20) == 128 + number
        with pytest.raises(ProcessLookupError):
            os.kill(agent, 0)


def test_hang_up_is_ignored_under_nohup() -> None:
    argv = ("nohup", *headless("sh", "-c", "echo up; read x; exit 7"))
    with spawn(Command(argv=argv), stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        process.stdin.write(b"go on\n")
        process.stdin.flush()

        assert process.wait(20) == 7


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)
