"""How an operator leaves a session that they started."""

from contextlib import ExitStack
from signal import SIGHUP, SIGINT, SIGTERM
from typing import Protocol

from bottle.launch.keys import DetachKeys
from bottle.signal_queue import SignalQueue


class Holder(Protocol):
    """Who stands for the session at the operator's terminal; readable once they are gone."""

    def fileno(self) -> int: ...

    def leave(self) -> None:
        """The session goes on without them, and without the operator's terminal."""


class Departure:
    """By keys, which leaves the session running, or by being gone, which ends it: then this is readable."""

    def __init__(self, holder: Holder, at_terminal: ExitStack, session: ExitStack) -> None:
        self._holder = holder
        self._at_terminal = at_terminal
        self._session = session
        self.keys = DetachKeys()

    def fileno(self) -> int:
        return self._holder.fileno()

    def leave(self) -> SignalQueue:
        """Gives the terminal back, then lets its holder go; the signals that count from then on."""
        self._at_terminal.close()
        self._holder.leave()
        return self._session.enter_context(SignalQueue(SIGINT, SIGTERM, SIGHUP))
