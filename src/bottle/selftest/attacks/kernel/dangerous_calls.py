"""System calls with a history."""

import platform
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.kernel import SENTRY, called

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


@attack(
    aim="nothing",
    source="https://docs.docker.com/engine/security/seccomp/ (calls that are blocked, and why)",
    expects="not permitted, or no such call",
    spared=SENTRY,
)
def attempts(_: None) -> Iterator[Attempt]:
    """Calls what loads code into the kernel, administers the machine, or has been the way of many escapes."""
    for name, (amd64, arm64, arguments) in _CALLS.items():
        yield name, partial(called, amd64 if platform.machine() == "x86_64" else arm64, arguments)
