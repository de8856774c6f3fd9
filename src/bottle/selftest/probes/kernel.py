"""System calls by number; goes into a bottle beside the attacks."""

import ctypes
import errno
import os

from bottle.selftest.probes.calls import libc

REFUSALS = {errno.EPERM, errno.EACCES, errno.ENOSYS}


SENTRY = {"gvisor": "its calls end in a kernel in user space, which has none of the host's"}


def called(number: int | None, arguments: tuple[int, ...]) -> str | None:
    if number is None:
        return None
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(argument) for argument in arguments))
    code = ctypes.get_errno()
    if result == -1 and code in REFUSALS:
        raise OSError(code, os.strerror(code))
    return f"answered {result} ({os.strerror(code)})"
