"""An agent sees, signals, traces and joins no process but its bottle's own, and gains no right."""

import ctypes
import os
import platform
import resource
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from attacks.kit import Attempt, attack, done

_NAMESPACES = {
    "mnt": 0x00020000, "cgroup": 0x02000000, "uts": 0x04000000, "ipc": 0x08000000,
    "user": 0x10000000, "pid": 0x20000000, "net": 0x40000000, "time": 0x80,
}  # fmt: skip
_PTRACE_ATTACH, _PTRACE_SEIZE = 16, 0x4206
_CLONE, _UNSHARE = (56, 272) if platform.machine() == "x86_64" else (220, 97)
_CLONE3 = 435
_MOST = 20
_SENTRY = {"gvisor": "it changes what its kernel in user space knows, and nothing of the host's"}
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


def _checked(result: int) -> str:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return "done"


def _processes() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit()]


@attack("host_markers", control="own_markers")
def seeing_other_processes(aim: list[str]) -> Iterator[Attempt]:
    """Looks in /proc for a process that runs on the host, or in another bottle."""
    for marker in aim:
        yield (
            marker,
            partial(_named, marker),
        )


def _named(marker: str) -> list[str]:
    return [name for name in _processes() if marker in _arguments(name)]


def _arguments(process: str) -> str:
    with suppress(OSError), open(f"/proc/{process}/cmdline", errors="replace") as file:
        return file.read()
    return ""


@attack("nothing")
def processes_of_others(_: None) -> Iterator[Attempt]:
    """Looks for a process that belongs to another user."""
    yield "owners", _foreign_processes


def _foreign_processes() -> list[str]:
    return [process for process in _processes() if _foreign(process)]


def _foreign(process: str) -> bool:
    """/proc shows an undumpable process as root's, so its status is what tells."""
    with suppress(OSError), open(f"/proc/{process}/status") as file:
        return any(line.startswith("Uid:") and line.split()[1] != str(os.getuid()) for line in file)
    return False


@attack("host_pids", control="own_pid")
def signalling_the_host(aim: list[int]) -> Iterator[Attempt]:
    """Signals processes of the host by number, directly and by descriptor."""
    for pid in aim:
        yield f"kill {pid}", partial(done, os.kill, pid or os.getpid(), signal.SIGCONT)
        yield f"pidfd {pid}", partial(done, os.pidfd_open, pid or os.getpid())
        yield f"group {pid}", partial(done, os.killpg, pid or os.getpgrp(), signal.SIGCONT)


@attack("host_pids", control="own_child")
def tracing_the_host(aim: list[int]) -> Iterator[Attempt]:
    """Traces processes of the host, and reads their memory."""
    for pid in aim:
        yield f"attach {pid}", partial(_traced, pid, _PTRACE_ATTACH)
        yield f"seize {pid}", partial(_traced, pid, _PTRACE_SEIZE)
        yield f"memory {pid}", partial(_memory, pid)


def _traced(pid: int, how: int) -> str:
    target = pid or _child()
    try:
        return _checked(_libc.ptrace(how, target, None, None))
    finally:
        if not pid:
            os.kill(target, signal.SIGKILL)


def _memory(pid: int) -> str:
    target = pid or _child()
    try:
        with open(f"/proc/{target}/mem", "rb", 0):
            return "opened"
    finally:
        if not pid:
            os.kill(target, signal.SIGKILL)


def _child() -> int:
    child = os.fork()
    while child == 0:
        signal.pause()
    return child


@attack("programs", control="own_writable_files")
def overwriting_what_runs(aim: list[str]) -> Iterator[Attempt]:
    """Opens the executable of every process for writing, as the escape through runc's did."""
    for path in aim:
        for process in _processes() if "PID" in path else [""]:
            target = path.replace("PID", process)
            yield target, partial(_opened, target)


def _opened(path: str) -> str:
    os.close(os.open(path, os.O_WRONLY))
    return "opened for writing"


@attack("nothing", spared=_SENTRY)
def raising_priority(_: None) -> Iterator[Attempt]:
    """Takes more of the processors than others get."""
    yield "priority", partial(done, os.setpriority, os.PRIO_PROCESS, 0, -5)


@attack("nothing", spared=_SENTRY)
def new_namespaces(_: None) -> Iterator[Attempt]:
    """Makes new namespaces, in which it would have every capability: by unshare, clone and clone3."""
    for name, flag in _NAMESPACES.items():
        yield f"unshare {name}", partial(_unshared, flag)
        yield f"unshare user and {name}", partial(_unshared, flag | _NAMESPACES["user"])
        if name != "time":
            yield f"clone {name}", partial(_cloned, flag)
            yield f"clone3 {name}", partial(_cloned3, flag)


def _unshared(flag: int) -> str:
    return _checked(_libc.syscall(_UNSHARE, ctypes.c_long(flag)))


def _cloned(flag: int) -> str:
    return _born(_libc.syscall(_CLONE, ctypes.c_long(flag | signal.SIGCHLD), None, None, None, None))


def _cloned3(flag: int) -> str:
    block = (ctypes.c_uint64 * 11)(flag, 0, 0, 0, signal.SIGCHLD)
    return _born(_libc.syscall(_CLONE3, block, ctypes.sizeof(block)))


def _born(result: int) -> str:
    if result == 0:
        os._exit(0)
    return _checked(result)


@attack("nothing")
def joining_namespaces(_: None) -> Iterator[Attempt]:
    """Joins the namespaces of every process that it sees, and its own once more."""
    for process in _processes()[:_MOST]:
        for name in _NAMESPACES:
            yield f"{process} {name}", partial(_joined, f"/proc/{process}/ns/{name}")


def _joined(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY)
    return _checked(_libc.setns(descriptor, 0))


@attack("nothing")
def changing_user(_: None) -> Iterator[Attempt]:
    """Becomes root or another user, joins groups, and raises limits and priority."""
    yield "setuid", partial(done, os.setuid, 0)
    yield "setresuid", partial(done, os.setresuid, 2, 2, 2)
    yield "setgid", partial(done, os.setgid, 5)
    yield "setgroups", partial(done, os.setgroups, [0])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    yield "more files", partial(_more_files, hard)


def _more_files(hard: int) -> str:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard + 1))
    except ValueError as error:
        raise PermissionError(error) from None
    return "done"


@attack("nothing")
def capabilities(_: None) -> Iterator[Attempt]:
    """Looks for a capability in any of its sets, and for a way to get one by running a program."""
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        yield name, partial(_any_of, name)
    yield "no_new_privs is off", _may_gain


def _any_of(name: str) -> str | None:
    found = _status(name) or "0"
    return found if int(found, 16) else None


def _may_gain() -> str | None:
    return None if _libc.prctl(39, 0, 0, 0, 0) == 1 else "it may"


def _status(name: str) -> str | None:
    with open("/proc/self/status") as file:
        return next((line.split()[1] for line in file if line.startswith(f"{name}:")), None)


@attack("group_roots", control="own_folders_to_search")
def control_groups(aim: list[str]) -> Iterator[Attempt]:
    """Moves itself out of its control groups, or changes their limits."""
    for root in aim:
        yield root, partial(_writable, root)


def _writable(root: str) -> list[str] | None:
    found = []
    for folder, _, names in os.walk(root):
        for path in (os.path.join(folder, name) for name in names):
            with suppress(OSError):
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                found.append(path)
        if len(found) > 5:
            break
    return found or None
