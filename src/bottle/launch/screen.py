"""The operator's terminal as a session and an attached client use it: raw, buffered, left tidy."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from select import select
from signal import SIGCONT, SIGTSTP, SIGWINCH, Signals

from bottle.launch.modes import TerminalModes
from bottle.terminal import RawTerminal, Terminal, TerminalSize

_ENOUGH = 262144
"""Bytes waiting for the terminal from which on its source is to be stopped."""
_FAREWELL = 1.0
"""Seconds that a terminal gets to take the last bytes."""


class Screen:
    """Handed out by `screen`. `show` queues, `flush` writes what the terminal takes."""

    def __init__(self, terminal: RawTerminal) -> None:
        self._terminal = terminal
        self._queue = bytearray()
        self._modes = TerminalModes()
        self.input = terminal.input
        self.output = terminal.output
        self.signals = terminal.signals

    @property
    def waiting(self) -> bool:
        return bool(self._queue)

    @property
    def full(self) -> bool:
        return len(self._queue) >= _ENOUGH

    def size(self) -> TerminalSize:
        return self._terminal.size()

    def read(self) -> bytes | None:
        """As RawTerminal.read."""
        return self._terminal.read()

    def show(self, output: bytes) -> None:
        self._modes.feed(output)
        self._queue += output

    def flush(self) -> None:
        del self._queue[: self._terminal.write(self._queue)]

    def react(self, arrived: list[Signals]) -> tuple[bool, Signals | None]:
        """Answers signals: whether size or screen may have changed, and what ends the session.

        A suspension happens in here: it returns when this process is continued.
        """
        changed, ending = False, None
        for number in arrived:
            if number == SIGTSTP:
                self._suspend()
                changed = True
            elif number == SIGCONT:
                self._terminal.enter()
                changed = True
            elif number == SIGWINCH:
                changed = True
            else:
                ending = ending or number
        return changed, ending

    def leave(self) -> None:
        """Switches off what the program left switched on; gives up on a terminal that takes no output."""
        self._queue += self._modes.leaving()
        end = time.monotonic() + _FAREWELL
        while self._queue and (left := end - time.monotonic()) > 0:
            _, writable, _ = select([], [self.output], [], left)
            if writable:
                self.flush()

    def _suspend(self) -> None:
        self.leave()
        self._terminal.suspend()
        self._queue[:0] = self._modes.entering()


@contextmanager
def screen(terminal: Terminal) -> Iterator[Screen]:
    """The terminal in raw mode; afterwards in the state it had. Raises UsageError where it is none."""
    with terminal.raw() as raw:
        opened = Screen(raw)
        try:
            yield opened
        finally:
            opened.leave()
