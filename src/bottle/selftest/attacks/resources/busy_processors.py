"""Busy processors."""

import os
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.resources import unanswered

_HOGS = 16
_SECONDS = 2


@attack(
    aim="proxy",
    source="MITRE ATT&CK T1496, resource hijacking",
    expects="the sidecar answers all the same",
    control="dead_proxy",
    outside=True,
    alone=True,
    expendable=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Keeps every processor busy and asks the sidecar for something."""
    yield "busy loops", partial(_busy, aim)


def _busy(proxy: Any) -> str | None:
    for _ in range(_HOGS):
        if os.fork() == 0:
            while True:
                pass
    time.sleep(_SECONDS)
    return unanswered(proxy)
