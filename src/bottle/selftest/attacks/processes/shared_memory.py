"""Memory shared with the host."""

import ctypes
import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.calls import checked, libc

_STATUS = 2  # IPC_STAT


@attack(
    aim="shared_memory",
    source="ipc_namespaces(7)",
    expects="no such segment",
)
def attempts(aim: list[int]) -> Iterator[Attempt]:
    """Attaches System V shared memory of the host by its number, and looks for any that is listed."""
    for number in aim:
        yield f"attaching {number}", partial(_attached, number)
        yield f"asking for {number}", partial(_asked, number)
    yield "what is listed", _listed


def _attached(number: int) -> str:
    libc.shmat.restype = ctypes.c_ssize_t
    if libc.shmat(number, None, 0) == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return "attached"


def _asked(number: int) -> str:
    return checked(libc.shmctl(number, _STATUS, ctypes.create_string_buffer(256)))


def _listed() -> list[str]:
    with open("/proc/sysvipc/shm") as file:
        return file.read().splitlines()[1:]
