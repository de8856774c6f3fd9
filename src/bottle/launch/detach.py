"""A launch in a process of its own session, which outlives the terminal that asked for it.

The process is forked, so secrets that were asked for in the foreground never leave memory. Until the agent
runs, the foreground stands for the launch: it waits, passes signals on, and ends as the launch ends. The
background process holds none of the operator's streams as its own, so nothing that it starts does either.
"""

import os
import sys
import threading
from collections.abc import Callable
from select import select
from signal import SIGHUP, SIGINT, SIGTERM
from typing import TextIO

from attrs import frozen

from bottle.launch.signals import Terminated
from bottle.signal_queue import SignalQueue
from bottle.state.notes import Notes

_LEFT = b"1"


@frozen(kw_only=True)
class Foreground:
    """The process at the operator's terminal. `report` is readable once the launch has come to something."""

    child: int
    report: int

    def wait(self) -> int | None:
        """None once the agent runs without us, else the exit status of a launch that failed.

        Raises Terminated where a signal ended the launch, when all of it is taken down.
        """
        with SignalQueue(SIGINT, SIGTERM, SIGHUP) as signals:
            while True:
                readable, _, _ = select([signals.fileno(), self.report], [], [])
                for number in signals.take():
                    os.kill(self.child, SIGTERM)
                    self._end()
                    raise Terminated(number)
                if self.report in readable:
                    return None if os.read(self.report, 1) == _LEFT else self._end()

    def _end(self) -> int:
        """Waits for the child's end; its exit status."""
        _, status = os.waitpid(self.child, 0)
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code


@frozen(kw_only=True)
class Background:
    """The process that owns the bottle. `shown` is the operator's stderr, until `leave`."""

    shown: TextIO
    report: int

    def leave(self, notes: Notes, speak_to: Callable[[TextIO], None]) -> None:
        """Lets go of the operator's terminal; stderr, which `speak_to` is given, is `notes` from here on.

        Raises Terminated where the foreground is gone, so that nobody would know of the agent.
        """
        descriptor = notes.open()
        os.dup2(descriptor, 2)
        os.close(descriptor)
        speak_to(sys.stderr)
        self.shown.close()
        try:
            os.write(self.report, _LEFT)
        except BrokenPipeError:
            raise Terminated(SIGHUP) from None
        finally:
            os.close(self.report)


def fork() -> Foreground | Background:
    """Goes on as two processes; to be called where there is one thread only."""
    if threading.active_count() != 1:
        raise RuntimeError("a process with threads cannot be forked safely")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return Foreground(child=child, report=reading)
    os.close(reading)
    os.setsid()
    shown = os.fdopen(os.dup(2), "w", encoding=sys.stderr.encoding, errors=sys.stderr.errors)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.close(null)
    return Background(shown=shown, report=writing)
