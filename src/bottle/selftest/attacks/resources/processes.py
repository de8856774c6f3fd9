"""A fork bomb."""

import os
import signal
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="many_processes",
    source="MITRE ATT&CK T1499.001, OS exhaustion flood",
    expects="no more processes from some number on",
    control="few_processes",
    alone=True,
    spared={
        "gvisor": "where its kernel gets no more threads, all of the bottle ends, and the selftest with it"
    },
)
def attempts(aim: int) -> Iterator[Attempt]:
    """Starts more processes than the bottle's limit allows, and keeps them."""
    yield f"{aim} processes", partial(_forked, aim)


def _forked(count: int) -> str:
    children: list[int] = []
    try:
        for _ in range(count):
            child = os.fork()
            while child == 0:
                signal.pause()
            children.append(child)
        return f"{len(children)} processes"
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
