"""Signals as something that an event loop can wait for."""

import os
import signal
from types import FrameType
from typing import Self


class SignalQueue:
    """While entered, the given signals only queue up here; `fileno` is readable when one came.

    Handlers that stood before come back on exit. A signal that is ignored on entry (`nohup`, a
    background job of a script) stays ignored. Main thread only, as all of Python's signal handling.
    """

    def __init__(self, *signals: signal.Signals) -> None:
        self._signals = signals
        self._previous: dict[signal.Signals, object] = {}
        self._read_end = self._write_end = self._previous_wakeup = -1

    def __enter__(self) -> Self:
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)
        self._previous_wakeup = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for number in self._signals:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._previous[number] = signal.signal(number, _queued)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)  # type: ignore[arg-type]
        self._previous.clear()
        signal.set_wakeup_fd(self._previous_wakeup)
        os.close(self._read_end)
        os.close(self._write_end)

    def fileno(self) -> int:
        return self._read_end

    def take(self) -> list[signal.Signals]:
        """The signals that came since the last call, each once, in the order of arrival."""
        try:
            arrived = os.read(self._read_end, 4096)
        except BlockingIOError:
            return []
        return [signal.Signals(number) for number in dict.fromkeys(arrived) if number in self._previous]

    def stop_process(self) -> None:
        """Stops this process as SIGTSTP's default action does; returns once it is continued.

        That action is none in the leader of a session, which nobody of its session could continue.
        """
        if os.getsid(0) == os.getpid():
            signal.raise_signal(signal.SIGSTOP)
            return
        previous = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        try:
            signal.raise_signal(signal.SIGTSTP)
        finally:
            signal.signal(signal.SIGTSTP, previous)


def _queued(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor has the number already."""
