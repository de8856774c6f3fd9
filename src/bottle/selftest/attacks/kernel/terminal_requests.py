"""Keys typed into a terminal."""

import ctypes
import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.calls import libc


@attack(
    aim="terminal_requests",
    source="CVE-2017-5226, CVE-2019-10063, CVE-2023-28100 (TIOCSTI, its upper half, TIOCLINUX)",
    expects="not permitted",
)
def attempts(aim: list[int]) -> Iterator[Attempt]:
    """Sends a terminal the requests that type into it, also with rubbish in the request's upper half."""
    for request in aim:
        for upper in (0, 1 << 32, 0xFFFFFFFF << 32):
            yield f"{request:#x} {upper:#x}", partial(_requested, request | upper)


def _requested(request: int) -> str:
    """On a terminal of its own, which in the control takes the keys."""
    leader = os.fork()
    if leader:
        status = os.waitstatus_to_exitcode(os.waitpid(leader, 0)[1])
        if status:
            raise OSError(status, os.strerror(status))
        return "done"
    os.setsid()
    _, slave = os.openpty()
    os.close(os.open(os.ttyname(slave), os.O_RDWR))
    libc.ioctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)
    key = ctypes.create_string_buffer(b"\x03" if request & 0xFF == 0x1C else b"x")
    failed = libc.ioctl(slave, request, ctypes.addressof(key)) == -1
    os._exit(ctypes.get_errno() if failed else 0)
