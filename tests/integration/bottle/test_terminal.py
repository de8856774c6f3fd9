"""A terminal in a bottle behaves as one outside: keys, jobs, size, paste."""

import hashlib
from collections.abc import Iterator

import pytest

from support.operator_terminal import OperatorTerminal
from support.project import BottleProject, shell_agent

START = 60.0
SLEEPER = b"sh -c 'echo asleep-$((1+1)); exec sleep 1000'\n"
SLEEPS = rb"asleep-2\r\n"


@pytest.fixture
def shell(project: BottleProject) -> Iterator[OperatorTerminal]:
    """An interactive bash in a bottle, at its first prompt."""
    project.write(shell_agent())
    with project.terminal("start", "--yes", "shell", columns=120) as terminal:
        terminal.expect(rb"/workspace\$ ", START)
        yield terminal
        terminal.type(b"exit\n")
        terminal.wait()


def test_ctrl_c_ends_the_job_and_not_the_session(shell: OperatorTerminal) -> None:
    shell.type(SLEEPER)
    shell.expect(SLEEPS)
    shell.type(b"\x03")
    shell.expect(rb"\^C")
    shell.type(b"echo still-$((40+2))\n")

    shell.expect(rb"still-42\r\n")


def test_ctrl_c_reaches_a_program_that_handles_it(shell: OperatorTerminal) -> None:
    shell.type(
        b"bash -c 'trap \"echo caught-INT; exit 5\" INT; echo wait-$((1+1)); sleep 1000'; echo was-$?\n"
    )
    shell.expect(rb"wait-2\r\n")
    shell.type(b"\x03")

    shell.expect(rb"caught-INT\r\n")
    shell.expect(rb"was-5\r\n")


def test_jobs_stop_go_on_in_the_background_and_come_back(shell: OperatorTerminal) -> None:
    shell.type(SLEEPER)
    shell.expect(SLEEPS)
    shell.type(b"\x1a")
    shell.expect(rb"Stopped +sh -c")
    shell.type(b"bg; jobs\n")
    shell.expect(rb"Running +sh -c")
    shell.type(b"fg; echo back-$?\n")
    shell.expect(rb"\n[^\n]*sh -c [^\n]*\n")
    shell.type(b"\x03")
    shell.type(b"jobs; echo none-$((3*3))\n")

    shell.expect(rb"none-9\r\n")


def test_size_and_its_changes_arrive(shell: OperatorTerminal) -> None:
    shell.type(b"stty size; tty\n")
    shell.expect(rb"24 120\r\n/dev/pts/\d+\r\n")
    shell.type(b'bash -c \'trap "stty size" WINCH; trap exit INT; echo armed-$((1+1));')
    shell.type(b" while :; do sleep 0.1; done'\n")
    shell.expect(rb"armed-2\r\n")

    shell.resize(rows=33, columns=70)

    shell.expect(rb"33 70\r\n")
    shell.type(b"\x03")


@pytest.mark.parametrize("bracketed", [True, False], ids=["bracketed", "plain"])
def test_paste_of_300_columns_arrives_whole(shell: OperatorTerminal, *, bracketed: bool) -> None:
    text = "".join(f"{number:03d}," for number in range(75))
    assert len(text) == 300
    paste = f"\x1b[200~{text}\x1b[201~" if bracketed else text

    shell.type(f"printf %s '{paste}' | sha256sum\n".encode())

    shell.expect(hashlib.sha256(text.encode()).hexdigest().encode())


def test_exit_status_and_terminal_come_back(project: BottleProject) -> None:
    project.write(shell_agent())
    with project.terminal("start", "--yes", "shell") as terminal:
        terminal.expect(rb"/workspace\$ ", START)
        terminal.type(b"exit 7\n")

        assert terminal.wait() == 7
        assert terminal.attributes() == terminal.attributes_before
