"""New namespaces."""

import ctypes
import os
import platform
import signal
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.calls import checked, libc
from bottle.selftest.probes.processes import NAMESPACES, SENTRY

_CLONE, _UNSHARE = (56, 272) if platform.machine() == "x86_64" else (220, 97)
_CLONE3 = 435


@attack(
    aim="nothing",
    source="CVE-2023-0386 and CVE-2022-0185 (need a user namespace); user_namespaces(7)",
    expects="not permitted",
    spared=SENTRY,
)
def attempts(_: None) -> Iterator[Attempt]:
    """Makes new namespaces, in which it would have every capability: by unshare, clone and clone3."""
    for name, flag in NAMESPACES.items():
        yield f"unshare {name}", partial(_unshared, flag)
        yield f"unshare user and {name}", partial(_unshared, flag | NAMESPACES["user"])
        if name != "time":
            yield f"clone {name}", partial(_cloned, flag)
            yield f"clone3 {name}", partial(_cloned3, flag)


def _unshared(flag: int) -> str:
    return checked(libc.syscall(_UNSHARE, ctypes.c_long(flag)))


def _cloned(flag: int) -> str:
    return _born(libc.syscall(_CLONE, ctypes.c_long(flag | signal.SIGCHLD), None, None, None, None))


def _cloned3(flag: int) -> str:
    block = (ctypes.c_uint64 * 11)(flag, 0, 0, 0, signal.SIGCHLD)
    return _born(libc.syscall(_CLONE3, block, ctypes.sizeof(block)))


def _born(result: int) -> str:
    if result == 0:
        os._exit(0)
    return checked(result)
