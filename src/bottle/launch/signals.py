"""Termination signals become one exception, and none of them can cut a teardown short."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Terminated(BaseException):
    """A termination signal arrived. `signum` is its number."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class Shield:
    """Handed out by `termination`: from `raise_` on, the teardown is not interruptible."""

    def raise_(self) -> None:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def termination() -> Iterator[Shield]:
    """Turns SIGINT, SIGTERM and SIGHUP into `Terminated` inside the context; restores the handlers after.

    One that is ignored on entry (`nohup`, a background job of a script) stays ignored.
    """

    def arrived(signum: int, _frame: FrameType | None) -> NoReturn:
        shield.raise_()
        raise Terminated(signum)

    shield = Shield()
    heeded = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, arrived) for number in heeded}
    try:
        yield shield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
