"""Mounts."""

import ctypes
import os
import platform
from collections.abc import Callable, Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.calls import apart, call, checked, libc
from bottle.selftest.probes.files import mounts

_AT_FDCWD = -100


@attack(
    aim="nothing",
    source="CVE-2022-0185 (the mount interface); mount(2)",
    expects="not permitted",
)
def attempts(_: None) -> Iterator[Attempt]:
    """Mounts, binds, remounts, unmounts and moves file systems, with the old calls and the new."""
    flags = {
        "tmpfs": (b"tmpfs", 0),
        "bind": (b"", 0x1000),
        "proc": (b"proc", 0),
        "sysfs": (b"sysfs", 0),
        "overlay": (b"overlay", 0),
    }
    for what, (kind, flag) in flags.items():
        yield what, partial(_apart, partial(_mount, kind, flag))
    for what, flag in {"remount /": 0x20 | 0x1000, "private /": 0x40000 | 0x4000}.items():
        yield what, partial(_apart, partial(call, "mount", b"none", b"/", None, ctypes.c_ulong(flag), None))
    yield "unmount", partial(_apart, _unmount)
    yield "fsopen", partial(_apart, partial(call, "syscall", 430, b"tmpfs", 0))
    yield "open_tree", partial(_apart, partial(call, "syscall", 428, _AT_FDCWD, b"/", 1))
    pivot = 155 if platform.machine() == "x86_64" else 41
    yield "pivot_root", partial(_apart, partial(call, "syscall", pivot, b"/tmp", b"/tmp"))


def _apart(function: Callable[[], str]) -> str:
    apart()
    return function()


def _mount(kind: bytes, flag: int) -> str:
    target = f"/tmp/mount-{os.getpid()}".encode()
    os.mkdir(target)
    try:
        return checked(libc.mount(b"/etc", target, kind, ctypes.c_ulong(flag), None))
    finally:
        libc.umount2(target, 2)
        os.rmdir(target)


def _unmount() -> str:
    for line in mounts():
        if line != "/" and not line.startswith(("/proc", "/sys")) and libc.umount2(line.encode(), 8) == 0:
            return line
    raise PermissionError("no mount could be undone")
