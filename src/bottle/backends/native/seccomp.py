"""The system call filter, as classic BPF: pure, one program for each machine.

What a program for a desktop or server does is allowed; what reaches for the kernel's administration,
for rarely used and often broken parts of it, for new namespaces, or for another machine's call numbers is
not. `ptrace` and its kin stay: they reach the sandbox's own processes only, and debuggers need them. Only
the low word of an int argument is compared, as the kernel looks at no more.
"""

import errno
import struct
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

ALLOW = 0x7FFF0000
KILL = 0x80000000
NEWEST_CALL = 469  # file_setattr, Linux 6.17; what is newer says that it does not exist
_ERRNO = 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000
_NO_CALL = 0xFFFFFFFF

_LOAD, _MATCH_EQUAL, _MATCH_ABOVE, _MATCH_AT_LEAST, _MATCH_BITS, _AND, _RETURN = (
    0x20,
    0x15,
    0x25,
    0x35,
    0x45,
    0x54,
    0x06,
)

_NEW_NAMESPACES = 0x7E020000
_NEW_TIME_NAMESPACE = 0x80
_TERMINAL_INJECTION = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_SOCKET_TYPE = 0xF
_STREAM, _DATAGRAM = 1, 2
_NETLINK_ROUTE = 0
_PROTOCOLS = (0, 1, 6, 17, 58)  # default, ICMP, TCP, UDP, ICMPv6


class Machine(Enum):
    """Name as `uname -m` gives it, and AUDIT_ARCH."""

    X86_64 = ("x86_64", 0xC000003E)
    AARCH64 = ("aarch64", 0xC00000B7)

    @property
    def uname(self) -> str:
        return self.value[0]

    @property
    def audit(self) -> int:
        return self.value[1]


class _Call(NamedTuple):
    """A system call's numbers; None where the machine does not have it."""

    x86_64: int | None
    aarch64: int | None

    def on(self, machine: Machine) -> int | None:
        return self.x86_64 if machine is Machine.X86_64 else self.aarch64


_CLONE = _Call(56, 220)
_CLONE3 = _Call(435, 435)
_UNSHARE = _Call(272, 97)
_IOCTL = _Call(16, 29)
_PERSONALITY = _Call(135, 92)
_SOCKET = _Call(41, 198)
_SOCKETPAIR = _Call(53, 199)

DENIED: dict[str, _Call] = {
    # mounting and changing roots
    "mount": _Call(165, 40),
    "umount2": _Call(166, 39),
    "pivot_root": _Call(155, 41),
    "chroot": _Call(161, 51),
    "open_tree": _Call(428, 428),
    "move_mount": _Call(429, 429),
    "fsopen": _Call(430, 430),
    "fsconfig": _Call(431, 431),
    "fsmount": _Call(432, 432),
    "fspick": _Call(433, 433),
    "mount_setattr": _Call(442, 442),
    "open_tree_attr": _Call(467, 467),
    "setns": _Call(308, 268),
    # files by handle
    "open_by_handle_at": _Call(304, 265),
    # code in the kernel, and other kernels
    "init_module": _Call(175, 105),
    "finit_module": _Call(313, 273),
    "delete_module": _Call(176, 106),
    "create_module": _Call(174, None),
    "get_kernel_syms": _Call(177, None),
    "query_module": _Call(178, None),
    "kexec_load": _Call(246, 104),
    "kexec_file_load": _Call(320, 294),
    "bpf": _Call(321, 280),
    # wide attack surface
    "perf_event_open": _Call(298, 241),
    "userfaultfd": _Call(323, 282),
    "io_uring_setup": _Call(425, 425),
    "io_uring_enter": _Call(426, 426),
    "io_uring_register": _Call(427, 427),
    "add_key": _Call(248, 217),
    "request_key": _Call(249, 218),
    "keyctl": _Call(250, 219),
    "kcmp": _Call(312, 272),
    "pidfd_getfd": _Call(438, 438),
    "lookup_dcookie": _Call(212, 18),
    "nfsservctl": _Call(180, 42),
    "get_mempolicy": _Call(239, 236),
    "set_mempolicy": _Call(238, 237),
    "mbind": _Call(237, 235),
    "migrate_pages": _Call(256, 238),
    "move_pages": _Call(279, 239),
    "set_mempolicy_home_node": _Call(450, 450),
    # the machine's state
    "reboot": _Call(169, 142),
    "swapon": _Call(167, 224),
    "swapoff": _Call(168, 225),
    "settimeofday": _Call(164, 170),
    "clock_settime": _Call(227, 112),
    "clock_adjtime": _Call(305, 266),
    "adjtimex": _Call(159, 171),
    "acct": _Call(163, 89),
    "quotactl": _Call(179, 60),
    "quotactl_fd": _Call(443, 443),
    "syslog": _Call(103, 116),
    "vhangup": _Call(153, 58),
    "iopl": _Call(172, None),
    "ioperm": _Call(173, None),
    "_sysctl": _Call(156, None),
    "uselib": _Call(134, None),
    "modify_ldt": _Call(154, None),
    "ustat": _Call(136, None),
    "sysfs": _Call(139, None),
}


class Instruction(NamedTuple):
    """One BPF instruction; `matched` and `missed` are how many instructions to skip."""

    code: int
    matched: int
    missed: int
    value: int


def program(machine: Machine) -> bytes:
    """The filter's bytes, ready for the kernel."""
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in instructions(machine))


def instructions(machine: Machine) -> Sequence[Instruction]:
    return [
        Instruction(_LOAD, 0, 0, _ARCHITECTURE),
        Instruction(_MATCH_EQUAL, 1, 0, machine.audit),
        _return(KILL),
        Instruction(_LOAD, 0, 0, _NUMBER),
        *_foreign_numbers(machine),
        *_when(_MATCH_ABOVE, NEWEST_CALL, [_refuse(errno.ENOSYS)]),
        *_rules(machine),
        _return(ALLOW),
    ]


def _foreign_numbers(machine: Machine) -> Iterable[Instruction]:
    """x32 calls would pass every comparison of numbers below. -1 is no call: a tracer skips one so."""
    yield from _when(_MATCH_EQUAL, _NO_CALL, [_refuse(errno.ENOSYS)])
    if machine is Machine.X86_64:
        yield from _when(_MATCH_AT_LEAST, _X32, [_return(KILL)])


def _rules(machine: Machine) -> Iterable[Instruction]:
    bodies: list[tuple[_Call, list[Instruction]]] = [
        (_IOCTL, [_argument(1), *_refuse_values(_TERMINAL_INJECTION, errno.EPERM)]),
        (_CLONE, [_argument(0), *_when(_MATCH_BITS, _NEW_NAMESPACES, [_refuse(errno.EPERM)])]),
        (_UNSHARE, [_argument(0), *_unshare()]),
        (_PERSONALITY, [_argument(0), *_only(_PERSONALITIES, errno.EPERM)]),
        (_SOCKET, list(_socket())),
        (_SOCKETPAIR, [_argument(0), *_only((_UNIX,), errno.EAFNOSUPPORT)]),
    ]
    for call, body in bodies:
        yield from _on(call.on(machine), [*body, _return(ALLOW)])
    yield from _on(_CLONE3.on(machine), [_refuse(errno.ENOSYS)])  # flags behind a pointer; callers fall back
    for call in DENIED.values():
        yield from _on(call.on(machine), [_refuse(errno.EPERM)])


def _unshare() -> Iterable[Instruction]:
    return _when(_MATCH_BITS, _NEW_NAMESPACES | _NEW_TIME_NAMESPACE, [_refuse(errno.EPERM)])


def _socket() -> Iterable[Instruction]:
    """Unix; TCP and UDP; routing netlink, which lists interfaces. Nothing else."""
    internet = [
        _argument(1),
        Instruction(_AND, 0, 0, _SOCKET_TYPE),
        *_only((_STREAM, _DATAGRAM), errno.EPERM),
        _argument(2),
        *_only(_PROTOCOLS, errno.EPROTONOSUPPORT),
        _return(ALLOW),
    ]
    netlink = [_argument(2), *_only((_NETLINK_ROUTE,), errno.EPROTONOSUPPORT), _return(ALLOW)]
    yield _argument(0)
    yield from _when(_MATCH_EQUAL, _INET, internet)
    yield from _when(_MATCH_EQUAL, _INET6, internet)
    yield from _when(_MATCH_EQUAL, _NETLINK, netlink)
    yield from _only((_UNIX,), errno.EAFNOSUPPORT)


def _argument(index: int) -> Instruction:
    return Instruction(_LOAD, 0, 0, _ARGUMENTS + 8 * index)


def _return(action: int) -> Instruction:
    return Instruction(_RETURN, 0, 0, action)


def _refuse(code: int) -> Instruction:
    return _return(_ERRNO | code)


def _when(match: int, value: int, body: list[Instruction]) -> Iterable[Instruction]:
    return [Instruction(match, 0, len(body), value), *body]


def _on(number: int | None, body: list[Instruction]) -> Iterable[Instruction]:
    return [] if number is None else _when(_MATCH_EQUAL, number, body)


def _refuse_values(values: Sequence[int], code: int) -> Iterable[Instruction]:
    for value in values:
        yield from _when(_MATCH_EQUAL, value, [_refuse(code)])


def _only(values: Sequence[int], code: int) -> Iterable[Instruction]:
    """Goes on where the loaded word is one of `values`; refuses otherwise."""
    for index, value in enumerate(values):
        yield Instruction(_MATCH_EQUAL, len(values) - index, 0, value)
    yield _refuse(code)
