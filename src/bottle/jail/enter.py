"""Moves into a running sandbox and starts one process there.

Two forks. The first child moves into every namespace of the sandbox but stays outside of its process
namespace, so nothing inside can see it; it relays the outcome. The second is in the process namespace:
from there on the agent's processes see it, and until it has become the agent's command it must offer
them nothing. It is undumpable (no ptrace, no /proc/PID/{exe,fd,cwd,mem}); it holds no descriptor but
its streams; it looks up no file that the agent can change; and what it runs first is `env` from the
read-only /usr: a script of the agent's with `#!/proc/self/exe` then gets that, not the host's Python.
"""

import fcntl
import os
import resource
import select
import signal
import socket
import stat
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from bottle.jail import kernel, process, wire
from bottle.jail.requests import Entry

_NAMESPACES = (
    kernel.CLONE_NEWUSER
    | kernel.CLONE_NEWNS
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWCGROUP
)
_LAUNCHER = "/usr/bin/env"
_ABOVE_STREAMS = 3

Probe = Callable[..., Sequence[str]]


def enter(entry: Entry, reply: socket.socket, streams: Sequence[int], probe: Probe | None) -> None:
    """In a fork of the warden: never returns. Everything is answered on `reply`."""
    status = 1
    try:
        status = _enter(entry, reply, list(streams), probe)
    except (OSError, ValueError) as error:
        answer(reply, {"error": str(error)})
    finally:
        os._exit(status)


def _enter(entry: Entry, reply: socket.socket, streams: list[int], probe: Probe | None) -> int:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _refuse_directories(streams)
    target = process.handle(entry.pid, entry.started)
    if target is None:
        answer(reply, {"error": "the sandbox is not running", "gone": True})
        return 1
    last_capability = kernel.last_capability()
    process.join(entry.cgroups)
    process.prefer_for_oom(entry.oom_score)
    kernel.close_all_but({target, reply.fileno(), *streams})
    move(target, entry.uid)
    master, streams = _open_streams(entry, streams)
    wire.send(reply, {"started": True}, [] if master is None else [master])
    if master is not None:
        os.close(master)
    child = os.fork()
    if child == 0:
        _become_agent(entry, reply, streams, last_capability, probe)
    for descriptor in streams:
        os.close(descriptor)
    kernel.drop_capabilities(last_capability)
    answer(reply, {"exit": _outcome(child, reply)})
    return 0


def answer(reply: socket.socket, message: Mapping[str, Any]) -> None:
    """No error where the host has stopped listening."""
    with suppress(OSError):
        wire.send(reply, message)


def _refuse_directories(streams: Sequence[int]) -> None:
    """A directory of the host among the streams would be a way out of the sandbox's file system."""
    for descriptor in streams:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise ValueError("a standard stream may not be a directory")


def move(target: int, uid: int) -> None:
    """Into all namespaces at once; the working directory becomes the sandbox's root."""
    kernel.set_dumpable(dumpable=False)
    sys.path.clear()
    sys.meta_path.clear()
    if os.geteuid() == 0:
        os.setgroups([])
    kernel.setns(target, _NAMESPACES)
    os.close(target)
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kernel.set_dumpable(dumpable=False)
    kernel.die_with_parent(signal.SIGKILL)


def _open_streams(entry: Entry, streams: list[int]) -> tuple[int | None, list[int]]:
    if entry.terminal is None:
        return None, streams
    master, slave = kernel.open_terminal(*entry.terminal)
    return master, [slave]


def _become_agent(
    entry: Entry, reply: socket.socket, streams: list[int], last_capability: int, probe: Probe | None
) -> None:
    """In the process namespace: never returns."""
    try:
        _take_streams(entry, streams)
        kernel.close_all_but({0, 1, 2, reply.fileno()} if entry.argv is None else {0, 1, 2})
        _confine(entry, last_capability)
        if entry.argv is None:
            _run_probe(entry, reply, probe)
        else:
            os.execve(_LAUNCHER, ["env", "--", *entry.argv], dict(entry.env))  # noqa: S606 - no shell is meant
    except OSError as error:
        os.write(2, f"bottle: {error}\n".encode())
    finally:
        os._exit(126)


def _take_streams(entry: Entry, streams: list[int]) -> None:
    """A session of its own, so that no terminal of the operator's can become the controlling one."""
    os.setsid()
    # None may already stand at its target: `dup2` onto itself would leave it closed on exec.
    lifted = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ABOVE_STREAMS) for descriptor in streams]
    if entry.terminal is not None:
        fcntl.ioctl(lifted[0], termios.TIOCSCTTY, 0)
        lifted *= 3
    for target, descriptor in enumerate(lifted):
        os.dup2(descriptor, target)


def _confine(entry: Entry, last_capability: int) -> None:
    kernel.drop_capabilities(last_capability)
    kernel.no_new_privileges()
    kernel.die_with_parent(signal.SIGKILL)
    for name, value in entry.limits:
        kind = getattr(resource, name)
        ceiling = resource.getrlimit(kind)[1]
        bound = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(kind, (bound, bound))
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)  # also those that whoever started the operator ignored
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o022)
    os.chdir(entry.cwd)
    kernel.load_seccomp(bytes.fromhex(entry.seccomp))


def _run_probe(entry: Entry, reply: socket.socket, probe: Probe | None) -> None:
    if probe is None:
        raise OSError("this warden has no isolation probe")
    wire.send(reply, {"findings": list(probe(**entry.probe or {}))})
    os._exit(0)


def _outcome(child: int, reply: socket.socket) -> int:
    """The exit status of `child`, which is killed where the host says so or hangs up."""
    handle = os.pidfd_open(child)
    poll = select.poll()
    for descriptor in (handle, reply.fileno()):
        poll.register(descriptor, select.POLLIN)
    while handle not in dict(poll.poll()):
        poll.unregister(reply.fileno())
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                kill(child, signal.SIGKILL)
    return process.status_code(os.waitpid(child, 0)[1])
