"""The system calls that Python 3.11 does not offer, each raising OSError as `os` does."""

import ctypes
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Iterable

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

CAP_DAC_READ_SEARCH = 2
CAP_SYS_PTRACE = 19

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = "/proc/sys/kernel/cap_last_cap"
_BPF_INSTRUCTION = 8
# On every machine:
_OPEN_TREE = 428
_MOVE_MOUNT = 429
_PIDFD_GETFD = 438
_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_OPEN_TREE_CLONE = 0x1
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_MOUNT_ATTR_NOSUID = 0x2
_MOUNT_ATTR_NODEV = 0x4
_MOUNT_ATTR_IDMAP = 0x100000

_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1
_TIOCSPTLCK = 0x40045431
_TIOCGPTPEER = 0x5441
_PTMX = os.makedev(5, 2)
_F_ADD_SEALS = 1033
_ALL_SEALS = 0x1 | 0x2 | 0x4 | 0x8

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _checked(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)


def _prctl(option: int, *values: int) -> None:
    words = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    _checked(_libc.prctl(ctypes.c_int(option), *words), f"prctl {option}")


def unshare(flags: int) -> None:
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(descriptor: int, flags: int) -> None:
    _checked(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(flags)), "setns")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    texts = [ctypes.c_char_p(os.fsencode(text)) for text in (source, target, kind)]
    result = _libc.mount(*texts, ctypes.c_ulong(flags), ctypes.c_char_p(os.fsencode(data)))
    _checked(result, f"mount {target}")


def clone_mount(folder: int) -> int:
    """A descriptor of a mount of `folder`, without what is mounted below it, that is nowhere yet."""
    flags = _OPEN_TREE_CLONE | _AT_EMPTY_PATH | os.O_CLOEXEC
    return _system_call(_OPEN_TREE, "open_tree", folder, b"", flags)


def map_owners(mount: int, user_namespace: int) -> None:
    """From now on `mount`, which is nowhere yet, shows owners as `user_namespace` maps them; no devices."""
    attributes = _MOUNT_ATTR_IDMAP | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV
    request = struct.pack("QQQQ", attributes, 0, 0, user_namespace)
    _system_call(_MOUNT_SETATTR, "mount_setattr", mount, b"", _AT_EMPTY_PATH, request, len(request))


def place_mount(mount: int, target: str) -> None:
    words = (mount, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH)
    _system_call(_MOVE_MOUNT, "move_mount", *words)


def _system_call(number: int, name: str, *words: int | bytes) -> int:
    typed = [ctypes.c_char_p(word) if isinstance(word, bytes) else ctypes.c_long(word) for word in words]
    result = int(_libc.syscall(ctypes.c_long(number), *typed))
    _checked(result, name)
    return result


def die_with_parent(signal: int) -> None:
    """To be called again after each change of credentials: the kernel forgets it then."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def set_dumpable(*, dumpable: bool) -> None:
    """Undumpable: no process of the same user can trace us or read /proc/PID/{exe,fd,cwd,mem} of ours."""
    _prctl(_PR_SET_DUMPABLE, int(dumpable))


def no_new_privileges() -> None:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def last_capability() -> int:
    with open(_LAST_CAPABILITY, encoding="ascii") as file:  # noqa: PTH123 - pathlib is slow to import
        return int(file.read())


def drop_capabilities(last: int, *, keep: Iterable[int] = ()) -> None:
    """Empties the bounding, ambient, permitted, effective and inheritable sets.

    Those to `keep` stay permitted and effective, until the next program is executed.
    """
    for capability in range(last + 1):
        _prctl(_PR_CAPBSET_DROP, capability)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    kept = sum(1 << capability for capability in keep)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    _checked(_libc.capset(header, struct.pack("6I", low, low, 0, high, high, 0)), "capset")


def borrow_descriptor(process: int, number: int) -> int:
    """A descriptor of ours for the file behind another process's; `process`: a pidfd."""
    return _system_call(_PIDFD_GETFD, "pidfd_getfd", process, number, 0)


def load_seccomp(program: bytes) -> None:
    """Needs no_new_privileges. `program`: classic BPF, eight bytes an instruction."""
    code = ctypes.create_string_buffer(program, len(program))
    block = _Program(len(program) // _BPF_INSTRUCTION, ctypes.addressof(code))
    result = _libc.prctl(
        ctypes.c_int(_PR_SET_SECCOMP), ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(block), 0, 0
    )
    _checked(result, "seccomp")


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        answer = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack_from("h", answer, 16)[0]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))


def open_terminal(rows: int, columns: int) -> tuple[int, int]:
    """A new (master, slave) pair in the devpts of the mount namespace that we are in.

    Nothing here is looked up by a path that the agent can change: `/dev/pts` is a mount point, which
    cannot be renamed, and the slave is opened through the master.
    """
    flags = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
    master = os.open("/dev/pts/ptmx", flags | os.O_NOFOLLOW)
    if os.fstat(master).st_rdev != _PTMX:
        raise OSError("/dev/pts/ptmx is not a terminal multiplexer")
    fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
    slave = fcntl.ioctl(master, _TIOCGPTPEER, flags)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    return master, slave


def sealed_copy(path: str) -> int:
    """A descriptor of an anonymous, unchangeable copy of an executable.

    What runs from it shows `/proc/PID/exe` as that copy, so no process in the sandbox reaches the file
    itself through it, neither to write nor to change its mode.
    """
    copy = os.memfd_create("program", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(path, "rb") as source:  # noqa: PTH123 - pathlib is slow to import
        os.sendfile(copy, source.fileno(), 0, os.fstat(source.fileno()).st_size)
    fcntl.fcntl(copy, _F_ADD_SEALS, _ALL_SEALS)
    return copy


def close_all_but(keep: Iterable[int]) -> None:
    low = 0
    for descriptor in sorted(set(keep)):
        if low < descriptor:  # an empty range that begins at 0 would close everything (CPython 3.11)
            os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))
