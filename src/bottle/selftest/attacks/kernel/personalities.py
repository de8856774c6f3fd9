"""Personalities of other systems."""

import ctypes
import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.calls import libc
from bottle.selftest.probes.kernel import SENTRY

_READ_IMPLIES_EXEC, _SVR4 = 0x0400000, 0x0001 | 0x4000000


@attack(
    aim="nothing",
    source="https://docs.docker.com/engine/security/seccomp/ (personality)",
    expects="not permitted",
    spared=SENTRY,
)
def attempts(_: None) -> Iterator[Attempt]:
    """Takes on personalities of other systems, which weaken memory protection or reach odd code."""
    for name, value in {
        "READ_IMPLIES_EXEC": _READ_IMPLIES_EXEC,
        "SVR4": _SVR4,
        "STICKY_TIMEOUTS": 0x4000000,
    }.items():
        yield name, partial(_taken_on, value)


def _taken_on(value: int) -> str:
    if libc.personality(ctypes.c_ulong(value)) == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return "done"
