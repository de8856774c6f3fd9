"""What of the kernel has often been broken, or administers the machine, does not answer in a bottle.

Each call has arguments with which it can do nothing. Where the kernel complains about those arguments, the
call was reached; where it says that there is no such call, or that it is not permitted, it was not.
"""

import ctypes
import errno
import mmap
import os
import platform
from collections.abc import Iterator
from functools import partial

from attacks.kit import Attempt, attack

_REFUSALS = {errno.EPERM, errno.EACCES, errno.ENOSYS}
_BAD = 1  # an address that nobody may read
_NONE = -1  # a descriptor that is not open
_CALLS: dict[str, tuple[int | None, int | None, tuple[int, ...]]] = {
    "bpf": (321, 280, (0, _BAD, 48)),
    "perf_event_open": (298, 241, (_BAD, 0, -1, -1, 0)),
    "io_uring_setup": (425, 425, (1, _BAD)),
    "io_uring_enter": (426, 426, (_NONE, 0, 0, 0, 0)),
    "io_uring_register": (427, 427, (_NONE, 0, 0, 0)),
    "userfaultfd": (323, 282, (0xFFFF0000,)),
    "add_key": (248, 217, (_BAD, _BAD, 0, 0, 0)),
    "request_key": (249, 218, (_BAD, _BAD, 0, 0)),
    "keyctl": (250, 219, (0, -3, 0)),
    "kexec_load": (246, 104, (0, 99, _BAD, 0xFFFF)),
    "kexec_file_load": (320, 294, (_NONE, _NONE, 0, 0, 0xFFFF)),
    "init_module": (175, 105, (_BAD, 8, _BAD)),
    "finit_module": (313, 273, (_NONE, _BAD, 0)),
    "delete_module": (176, 106, (_BAD, 0)),
    "reboot": (169, 142, (0, 0, 0, 0)),
    "swapon": (167, 224, (_BAD, 0)),
    "swapoff": (168, 225, (_BAD,)),
    "acct": (163, 89, (_BAD,)),
    "quotactl": (179, 60, (0xFFFFFF, _BAD, 0, 0)),
    "syslog": (103, 116, (99, 0, 0)),
    "settimeofday": (164, 170, (_BAD, 0)),
    "clock_settime": (227, 112, (0, _BAD)),
    "open_by_handle_at": (304, 265, (_NONE, _BAD, 0)),
    "lookup_dcookie": (212, 18, (0, _BAD, 0)),
    "pidfd_getfd": (438, 438, (_NONE, 0, 0)),
    "kcmp": (312, 272, (1, 1, 0, 0, 0)),
    "move_mount": (429, 429, (_NONE, _BAD, _NONE, _BAD, 0)),
    "fsopen": (430, 430, (_BAD, 0)),
    "fsconfig": (431, 431, (_NONE, 0, 0, 0, 0)),
    "fsmount": (432, 432, (_NONE, 0, 0)),
    "fspick": (433, 433, (_NONE, _BAD, 0)),
    "open_tree": (428, 428, (_NONE, _BAD, 0)),
    "mount_setattr": (442, 442, (_NONE, _BAD, 0, _BAD, 32)),
    "mount": (165, 40, (_BAD, _BAD, _BAD, 0, 0)),
    "umount2": (166, 39, (_BAD, 0)),
    "setns": (308, 268, (_NONE, 0)),
    "fanotify_init": (300, 262, (0xFFFF, 0)),
    "iopl": (172, None, (7,)),
    "ioperm": (173, None, (0, -1, 1)),
    "mbind": (237, 235, (0, 0, 99, 0, 0, 0)),
    "migrate_pages": (256, 238, (0, 0, _BAD, _BAD)),
    "move_pages": (279, 239, (0, 1, _BAD, _BAD, _BAD, 99)),
    "quotactl_fd": (443, 443, (_NONE, 0xFFFFFF, 0, 0)),
    "uselib": (134, None, (_BAD,)),
    "modify_ldt": (154, None, (99, _BAD, 0)),
    "a call of tomorrow": (4000, 4000, ()),
}
_READ_IMPLIES_EXEC, _SVR4 = 0x0400000, 0x0001 | 0x4000000
_SENTRY = {"gvisor": "its calls end in a kernel in user space, which has none of the host's"}
_libc = ctypes.CDLL(None, use_errno=True)


def _called(number: int | None, arguments: tuple[int, ...]) -> str | None:
    if number is None:
        return None
    ctypes.set_errno(0)
    result = _libc.syscall(ctypes.c_long(number), *(ctypes.c_long(argument) for argument in arguments))
    code = ctypes.get_errno()
    if result == -1 and code in _REFUSALS:
        raise OSError(code, os.strerror(code))
    return f"answered {result} ({os.strerror(code)})"


@attack("nothing", spared=_SENTRY)
def dangerous_calls(_: None) -> Iterator[Attempt]:
    """Calls what loads code into the kernel, administers the machine, or has been the way of many escapes."""
    for name, (amd64, arm64, arguments) in _CALLS.items():
        yield name, partial(_called, amd64 if platform.machine() == "x86_64" else arm64, arguments)


@attack("nothing", spared=_SENTRY)
def calls_of_other_machines(_: None) -> Iterator[Attempt]:
    """Makes calls by numbers that filters may overlook: of x32 and, through the old gate, of 32 bits."""
    if platform.machine() == "x86_64":
        yield "x32", partial(_called, 0x40000000 + 39, ())
        yield "32 bits", partial(_through_the_old_gate, 20)
    else:
        yield "nothing of the kind here", partial(list, [])


def _through_the_old_gate(number: int) -> str:
    """push rbx; mov eax, number; int 0x80; pop rbx; ret. The attempt's process ends with the memory."""
    area = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    area.write(b"\x53\xb8" + number.to_bytes(4, "little") + b"\xcd\x80\x5b\xc3")
    result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(area)))()
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return f"answered {result}"


@attack("nothing", spared=_SENTRY)
def personalities(_: None) -> Iterator[Attempt]:
    """Takes on personalities of other systems, which weaken memory protection or reach odd code."""
    for name, value in {
        "READ_IMPLIES_EXEC": _READ_IMPLIES_EXEC,
        "SVR4": _SVR4,
        "STICKY_TIMEOUTS": 0x4000000,
    }.items():
        yield name, partial(_taken_on, value)


def _taken_on(value: int) -> str:
    if _libc.personality(ctypes.c_ulong(value)) == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return "done"


@attack("terminal_requests")
def terminal_requests(aim: list[int]) -> Iterator[Attempt]:
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
    _libc.ioctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)
    key = ctypes.create_string_buffer(b"\x03" if request & 0xFF == 0x1C else b"x")
    failed = _libc.ioctl(slave, request, ctypes.addressof(key)) == -1
    os._exit(ctypes.get_errno() if failed else 0)
