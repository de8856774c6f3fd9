"""System calls past the standard library; goes into a bottle beside the attacks."""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
libc.ptrace.restype = ctypes.c_long
_NEW_MOUNTS, _NEW_NETWORK = 0x00020000, 0x40000000


def checked(result: int) -> str:
    """For calls whose success is the gain. Raises OSError with the call's error."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return "done"


def call(name: str, *arguments: object) -> str:
    """Of the C library, made when an attempt runs and not when it is listed."""
    return checked(getattr(libc, name)(*arguments))


def apart() -> None:
    """Where this is root, as in a control: what is done to mounts and networks ends with the attempt."""
    if os.geteuid() == 0:
        checked(libc.unshare(_NEW_MOUNTS | _NEW_NETWORK))
        checked(libc.mount(b"none", b"/", None, ctypes.c_ulong(0x40000 | 0x4000), None))
