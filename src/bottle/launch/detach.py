"""A bottle's owner in a process of its own session, which can outlive the terminal that asked for it.

The process is forked, so secrets that were asked for in the foreground never leave memory. The foreground
stands for it at the terminal: it waits, passes signals on, and ends as the owner ends, unless the owner
leaves before. The owner's standard streams are none of the operator's, so nothing that it starts holds these.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from select import select
from signal import SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP, SIGWINCH, Signals
from typing import TextIO

from bottle.launch.signals import Terminated
from bottle.signal_queue import SignalQueue
from bottle.state.notes import Notes
from bottle.terminal import Terminal

_LEFT = b"1"


class Foreground:
    """The process at the operator's terminal. `channel` is readable once the owner left or ended."""

    def __init__(self, *, owner: int, channel: socket.socket, terminal: Terminal | None) -> None:
        self._owner = owner
        self._channel = channel
        self._terminal = terminal
        self._restore = terminal.restorer() if terminal else None
        self._status: int | None = None

    def wait(self) -> int | None:
        """The owner's exit status; None where it runs on without us."""
        heeded = (SIGWINCH, SIGTSTP, SIGCONT, SIGINT, SIGQUIT, SIGTERM, SIGHUP)
        with self._channel, SignalQueue(*heeded) as signals:
            while self._status is None:
                readable, _, _ = select([signals.fileno(), self._channel.fileno()], [], [])
                for number in signals.take():
                    self._pass_on(number, signals)
                if self._channel.fileno() in readable:
                    if self._channel.recv(1) == _LEFT:
                        return None
                    self._await()
        return self._status

    def _pass_on(self, number: Signals, signals: SignalQueue) -> None:
        if self._status is not None:
            return
        if number == SIGCONT and self._terminal:
            self._terminal.await_foreground()
        os.kill(self._owner, number)
        if number == SIGTSTP:
            self._await(os.WUNTRACED)  # it gives the terminal back first
            if self._status is None:
                signals.stop_process()

    def _await(self, options: int = 0) -> None:
        """Waits for the owner's end, or with WUNTRACED for it to stop."""
        _, status = os.waitpid(self._owner, options)
        if not os.WIFSTOPPED(status):
            code = os.waitstatus_to_exitcode(status)
            self._status = code if code >= 0 else 128 - code
            if code < 0 and self._restore:
                self._restore()


class Owner:
    """The process that owns the bottle. Readable (`fileno`) once the foreground is gone.

    `terminal`: the operator's, where the owner is to use it. `shown`: the operator's stderr.
    """

    def __init__(
        self,
        *,
        channel: socket.socket,
        shown: TextIO,
        terminal: Terminal | None,
        notes: Notes,
        speak_to: Callable[[TextIO], None],
    ) -> None:
        self._channel = channel
        self._shown = shown
        self._notes = notes
        self._speak_to = speak_to
        self.terminal = terminal
        self.left = False

    def fileno(self) -> int:
        return self._channel.fileno()

    def leave(self) -> None:
        """Lets go of the operator's terminal; what is said goes to the notes from here on.

        Raises Terminated where the foreground is gone, so that nobody would know of the agent.
        """
        descriptor = self._notes.open()
        os.dup2(descriptor, 2)
        os.close(descriptor)
        self._speak_to(sys.stderr)
        self._shown.close()
        if self.terminal:
            self.terminal.close()
            self.terminal = None
        with self._channel:
            try:
                self._channel.send(_LEFT)
            except OSError:
                raise Terminated(SIGHUP) from None
        self.left = True


def fork(
    notes: Notes,
    *,
    show_on: Callable[[TextIO], None],
    note_on: Callable[[TextIO], None],
    terminal: Terminal | None,
) -> Foreground | Owner:
    """Goes on as two processes; to be called where there is one thread only.

    `terminal`: what the owner is to use, if any; a background job waits for it first. `show_on` is told where
    the owner is to say things at once, `note_on` where from when it has left.
    """
    if threading.active_count() != 1:
        raise RuntimeError("a process with threads cannot be forked safely")
    if terminal:
        terminal.await_foreground()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child:
        theirs.close()
        return Foreground(owner=child, channel=ours, terminal=terminal)
    ours.close()
    os.setsid()
    signal.signal(SIGTSTP, _stop)
    shown = os.fdopen(os.dup(2), "w", encoding=sys.stderr.encoding, errors=sys.stderr.errors)
    own = terminal.duplicate() if terminal else None
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.close(null)
    show_on(shown)
    return Owner(channel=theirs, shown=shown, terminal=own, notes=notes, speak_to=note_on)


def _stop(_number: int, _frame: object) -> None:
    """The leader of a session without a terminal is not stopped by SIGTSTP itself."""
    os.kill(os.getpid(), SIGSTOP)
