"""Signals to the host."""

import os
import signal
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack, done


@attack(
    aim="host_pids",
    source="kill(2), pidfd_open(2)",
    expects="no such process",
    control="own_pid",
)
def attempts(aim: list[int]) -> Iterator[Attempt]:
    """Signals processes of the host by number, directly and by descriptor."""
    for pid in aim:
        yield f"kill {pid}", partial(done, os.kill, pid or os.getpid(), signal.SIGCONT)
        yield f"pidfd {pid}", partial(done, os.pidfd_open, pid or os.getpid())
        yield f"group {pid}", partial(done, os.killpg, pid or os.getpgrp(), signal.SIGCONT)
