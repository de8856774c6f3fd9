"""What an operator does at an agent's terminal, with real terminals on both sides."""

import hashlib
import os
import signal
import sys
import time
from contextlib import suppress
from select import select

import pytest

from support.operator_terminal import LEADER, PROGRAM, OperatorTerminal, session

SHELL = ("bash", "--norc", "-i")
PROMPT = rb"\$ \Z"
FULL_SCREEN = b"\x1b[?1049h\x1b[?1000h\x1b[?1006h\x1b[?25l\x1b[?2004h\x1b[>7u"
DIGEST = """
import hashlib, os, sys, tty
tty.setraw(0)
os.write(1, b"ready")
left, digest = int(sys.argv[1]), hashlib.sha256()
while left:
    data = os.read(0, min(left, 1000))
    digest.update(data)
    left -= len(data)
os.write(1, digest.hexdigest().encode())
"""


def test_the_agent_starts_with_the_size_of_the_operators_terminal() -> None:
    with session("stty", "size", rows=31, columns=97) as terminal:
        terminal.expect(rb"31 97")

        assert terminal.wait() == 0


def test_a_resize_reaches_the_program_inside() -> None:
    with session(*SHELL) as terminal:
        terminal.expect(PROMPT)
        terminal.type(b"trap 'echo changed to $(stty size)' WINCH; echo set\r")
        terminal.expect(rb"\rset")
        terminal.expect(PROMPT)
        terminal.resize(rows=50, columns=132)
        terminal.type(b"\r")

        terminal.expect(rb"changed to 50 132")


def test_ctrl_c_interrupts_the_foreground_job_and_nothing_else() -> None:
    with session(*SHELL) as terminal:
        terminal.expect(PROMPT)
        terminal.type(b'python3 -c \'import time; print("run" + "ning", flush=True); time.sleep(600)\'\r')
        terminal.expect(rb"running")
        terminal.type(b"\x03")
        terminal.expect(rb"KeyboardInterrupt")
        terminal.expect(PROMPT)
        terminal.type(b"echo st''ill here; exit 5\r")
        terminal.expect(rb"still here")

        assert terminal.wait() == 5


def test_job_control_works_inside() -> None:
    with session(*SHELL) as terminal:
        terminal.expect(PROMPT)
        terminal.type(b"sh -c 'echo in the fore''ground; exec cat'\r")
        terminal.expect(rb"in the foreground")
        terminal.type(b"\x1a")
        terminal.expect(rb"Stopped")
        terminal.expect(PROMPT)
        terminal.type(b"fg\r")
        terminal.expect(rb"\rsh -c")
        terminal.type(b"hello\r")
        terminal.expect(rb"hello\r\nhello")
        terminal.type(b"\x04")
        terminal.expect(PROMPT)


@pytest.mark.parametrize("bracketed", [False, True])
@pytest.mark.parametrize("length", [300, 100_000])
def test_a_paste_arrives_whole_and_exact(length: int, *, bracketed: bool) -> None:
    text = b"".join(b"%d-\xc3\xa9\r\n\x03\x11\x13\x1a" % number for number in range(length))[:length]
    pasted = b"\x1b[200~" + text + b"\x1b[201~" if bracketed else text
    with session(sys.executable, "-c", DIGEST, str(len(pasted))) as terminal:
        terminal.expect(rb"ready")
        terminal.type(pasted)

        terminal.expect(hashlib.sha256(pasted).hexdigest().encode())


def test_a_300_column_line_pasted_into_a_narrow_shell_is_one_command() -> None:
    word = "".join(chr(ord("a") + number % 26) for number in range(290))
    with session(*SHELL) as terminal:
        terminal.expect(PROMPT)
        terminal.type(b"\x1b[200~printf %s " + word.encode() + b" | sha256sum\x1b[201~\r")

        terminal.expect(hashlib.sha256(word.encode()).hexdigest().encode())


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 42", 42), ("kill -KILL $$", 137)])
def test_the_exit_status_is_the_agents(script: str, status: int) -> None:
    with session("sh", "-c", script) as terminal:
        assert terminal.wait() == status
        assert terminal.attributes() == terminal.attributes_before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_ends_the_agent_and_leaves_the_terminal_as_it_was(number: signal.Signals) -> None:
    with session("sh", "-c", f"printf '{FULL_SCREEN.decode()}'; echo pid=$$.; exec sleep 600") as terminal:
        agent = int(terminal.expect(rb"pid=(\d+)\.").group(1))
        assert terminal.attributes() != terminal.attributes_before
        terminal.process.send_signal(number)

        assert terminal.wait() == 128 + number
        assert terminal.attributes() == terminal.attributes_before
        terminal.expect(rb"\x1b\[<1u.*\x1b\[\?2004l.*\x1b\[\?25h.*\x1b\[\?1006l\x1b\[\?1000l\x1b\[\?1049l")
        with pytest.raises(ProcessLookupError):
            os.kill(agent, 0)


def test_a_bug_in_the_session_leaves_the_terminal_as_it_was() -> None:
    with OperatorTerminal(*PROGRAM, "run", "--crash", "--", "cat") as terminal:
        assert terminal.wait() == 1
        assert b"ZeroDivisionError" in terminal.output
        assert terminal.attributes() == terminal.attributes_before


def test_modes_that_a_killed_program_left_on_are_switched_off() -> None:
    with session("sh", "-c", f"printf '{FULL_SCREEN.decode()}'; kill -KILL $$") as terminal:
        assert terminal.wait() == 137
        assert terminal.output.endswith(b"\x1b[?1049l\x1b[m")


def test_what_the_agent_wrote_last_is_shown() -> None:
    for _ in range(10):
        with session("sh", "-c", "head -c 60000 /dev/zero | tr '\\0' x; printf last") as terminal:
            assert terminal.wait() == 0
            assert terminal.output == b"x" * 60000 + b"last"


def test_a_process_left_behind_does_not_hold_the_session_open() -> None:
    with session("sh", "-c", "trap '' HUP; sleep 600 & echo pid=$!.; exit 3") as terminal:
        left_behind = int(terminal.expect(rb"pid=(\d+)\.").group(1))
        try:
            assert terminal.wait() == 3
        finally:
            with suppress(ProcessLookupError):
                os.kill(left_behind, signal.SIGKILL)


def test_a_terminal_closed_inside_and_opened_again_goes_on() -> None:
    script = "exec </dev/null >/dev/null 2>&1; sleep 0.3; echo again >/dev/tty; sleep 0.1; exit 4"
    with session("sh", "-c", script) as terminal:
        terminal.expect(rb"again")

        assert terminal.wait() == 4


def test_a_flood_arrives_whole() -> None:
    with session("sh", "-c", "head -c 100000000 /dev/zero | tr '\\0' x") as terminal:
        received = 0
        while terminal.process.poll() is None or terminal.read(0):
            terminal.read(0.1)
            received += len(terminal.output)
            assert terminal.output.count(b"x") == len(terminal.output)
            terminal.output.clear()

        assert received == 100_000_000


def test_ctrl_c_gets_through_a_flood() -> None:
    with session(*SHELL) as terminal:
        terminal.expect(PROMPT)
        terminal.type(b"yes\r")
        terminal.expect(rb"(y\r\n){1000}")
        terminal.type(b"\x03")
        terminal.expect(rb"\^C.*\$ \Z")
        terminal.type(b"exit 9\r")

        assert terminal.wait() == 9


def test_a_stalled_terminal_can_be_left_by_a_signal() -> None:
    """The operator's terminal takes no more output: the agent is held back, SIGTERM still restores."""
    with session("sh", "-c", "echo go; exec yes") as terminal:
        terminal.expect(rb"go")
        while select([], [terminal.slave], [], 0)[1]:
            time.sleep(0.05)
        terminal.process.send_signal(signal.SIGTERM)

        assert terminal.process.wait(30) == 143
        assert terminal.attributes() == terminal.attributes_before


def test_the_session_can_be_suspended_and_continued() -> None:
    """`kill -TSTP`, from a shell with job control around the session."""
    program = " ".join(PROGRAM)
    with OperatorTerminal(*LEADER, *SHELL) as terminal:
        terminal.expect(PROMPT)
        terminal.type(f"{program} run -- sh -c 'printf \"\\033[?25lagent=$$.\"; exec cat'\r".encode())
        agent = int(terminal.expect(rb"agent=(\d+)\.").group(1))
        terminal.type(b"first\r")
        terminal.expect(rb"first\r\nfirst")
        os.kill(_parent(agent), signal.SIGTSTP)
        terminal.expect(rb"\x1b\[\?25h.*Stopped.*\$ \Z")
        terminal.type(b"echo at the sh''ell\r")
        terminal.expect(rb"at the shell")
        terminal.type(b"fg\r")
        terminal.expect(rb"\x1b\[\?25l")
        terminal.type(b"second\r")
        terminal.expect(rb"second\r\nsecond")
        terminal.type(b"\x04")
        terminal.expect(PROMPT)
        terminal.type(b"exit\r")

        assert terminal.wait() == 0


def test_without_a_terminal_a_session_is_refused_and_says_what_to_use() -> None:
    with OperatorTerminal("sh", "-c", f"{' '.join(PROGRAM)} run -- cat </dev/null") as terminal:
        assert terminal.wait() == 2
        assert b"needs a terminal" in terminal.output


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
        return int(stat.read().rsplit(")", 1)[1].split()[1])
