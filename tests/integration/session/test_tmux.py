"""A session in a real terminal emulator: tmux, as a person would drive it."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bottle.proc import Command, run
from support.operator_terminal import PROGRAM, TIMEOUT

pytestmark = pytest.mark.timeout(120)


class Tmux:
    """A tmux server of its own with one window."""

    def __init__(self, folder: Path) -> None:
        self._socket = str(folder / "tmux")
        self.folder = folder

    def __call__(self, *argv: str) -> str:
        command = Command(argv=("tmux", "-f", "/dev/null", "-S", self._socket, *argv), timeout=TIMEOUT)
        return run(command).stdout.decode()

    def start(self, *argv: str, columns: int = 80, rows: int = 24) -> None:
        self("new-session", "-d", "-x", str(columns), "-y", str(rows), "bash --norc -i")
        self("set-option", "-g", "remain-on-exit", "on")
        self.type(f"PS1='outer> '; clear; {shlex.join(argv)}")

    def type(self, text: str) -> None:
        self("send-keys", "-l", text)
        self("send-keys", "Enter")

    def expect(self, text: str) -> None:
        """Waits for `text` on the screen, lines joined where the terminal wrapped them."""
        screen = ""
        for _ in range(int(TIMEOUT / 0.05)):
            screen = self("capture-pane", "-p", "-J", "-S", "-200")
            if text in screen:
                return
            run(Command(argv=("sleep", "0.05")))
        raise AssertionError(f"{text!r} is not on the screen:\n{screen}")


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    with TemporaryDirectory(prefix="bb-") as folder:
        server = Tmux(Path(folder))
        yield server
        server("kill-server")


def test_a_shell_in_a_session_behaves_as_outside(tmux: Tmux) -> None:
    shell = "PS1='inner> ' exec bash --norc --noprofile -i"
    tmux.start(*PROGRAM, "run", "--", "sh", "-c", shell, columns=100, rows=30)
    tmux.expect("inner> ")
    tmux.type("echo size is $(stty size)")
    tmux.expect("size is 30 100")

    tmux("resize-window", "-x", "140", "-y", "40")
    tmux.type("echo size is $(stty size)")
    tmux.expect("size is 40 140")

    tmux.type("sh -c 'echo fore''ground; exec sleep 600'")
    tmux.expect("foreground")
    tmux("send-keys", "C-z")
    tmux.expect("Stopped")
    tmux.type("echo status ''of fg; fg")
    tmux.expect("status of fg")
    tmux("send-keys", "C-c")
    tmux.type("echo interrupted with ''$?")
    tmux.expect("interrupted with 130")

    word = "0123456789" * 29
    tmux("set-buffer", f"echo {word}'-the-end'")
    tmux("paste-buffer", "-p")
    tmux("send-keys", "Enter")
    tmux.expect(f"\n{word}-the-end")

    tmux.type("exit 23")
    tmux.expect("outer> ")
    tmux.type("echo outer status $?; stty -a | grep -o ' icanon' && echo coo''ked")
    tmux.expect("outer status 23")
    tmux.expect("cooked")
