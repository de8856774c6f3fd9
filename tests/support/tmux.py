"""A person at a terminal of their own, by tmux: reads the screen, types, presses keys."""

import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from bottle.proc import Command, Completed, run

_TARGET = "agent"
_ENDED = "program ended with"
_TIMEOUT = 60.0
_POLL = 0.05
_PASTE_GAP = 0.5  # text and Enter that come together are taken for a paste by the CLIs


@frozen
class Tmux:
    socket: Path

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", _TARGET).stdout.decode()

    def wait_for(self, text: str) -> str:
        """The screen, once `text` is on it. Fails with the screen where that takes too long."""
        deadline = time.monotonic() + _TIMEOUT
        while text not in (screen := self.screen()):
            assert time.monotonic() < deadline, f"waited for {text!r}; it shows:\n{screen}"
            time.sleep(_POLL)
        return screen

    def say(self, text: str) -> None:
        """Types a line and sends it."""
        self._tmux("send-keys", "-t", _TARGET, "-l", text)
        self.wait_for(text)
        time.sleep(_PASTE_GAP)
        self._tmux("send-keys", "-t", _TARGET, "Enter")

    def status(self) -> int:
        """The program's exit status, once it has ended."""
        (status,) = re.findall(rf"{_ENDED} (\d+)", self.wait_for(_ENDED))
        return int(status)

    def _tmux(self, *arguments: str) -> Completed:
        return run(Command(argv=("tmux", "-S", str(self.socket), *arguments)))


@contextmanager
def terminal(socket: Path, command: Command, *, rows: int = 40, columns: int = 100) -> Iterator[Tmux]:
    """Runs `command` on a terminal of that size until the block ends."""
    tmux = ("tmux", "-S", str(socket), "-f", "/dev/null")
    size = ("-x", str(columns), "-y", str(rows))
    run(
        Command(
            argv=(
                *tmux, "start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";",
                "new-session", "-d", "-s", _TARGET, *size, _announcing_its_end(command),
            ),
            env=command.env,
            cwd=command.cwd,
        )
    )  # fmt: skip
    try:
        yield Tmux(socket)
    finally:
        run(Command(argv=(*tmux, "kill-server")))


def _announcing_its_end(command: Command) -> str:
    """On the screen: tmux now and then forgets the status of a program that ends as its terminal closes."""
    return f"{shlex.join(command.argv)}; printf '\\n{_ENDED} %s\\n' $?"
