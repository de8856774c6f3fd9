"""Brings a sandbox up: its network namespace, the one listener in it, and bwrap around a holder process."""

import fcntl
import json
import os
import select
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from bottle.jail import kernel, owners, process, wire
from bottle.jail.requests import ARGUMENTS_DESCRIPTOR, INFO_DESCRIPTOR, SECCOMP_DESCRIPTOR, Hold

_START_SECONDS = 30.0
_BACKLOG = 512
_SPARE = 100  # descriptors from here on are in nobody's way


class HoldError(Exception):
    """Why the sandbox did not come up, in words for the operator."""


def hold(request: Hold, holder_input: int, owner: socket.socket) -> tuple[int, int]:
    """(host pid of the sandbox's first process, listener). Raises HoldError.

    The sandbox ends with this process. Gives up where `owner` hangs up.
    """
    ours, theirs = socket.socketpair()
    info, info_in = os.pipe2(os.O_CLOEXEC)
    ready, ready_in = os.pipe2(os.O_CLOEXEC)
    errors, errors_in = os.pipe2(os.O_CLOEXEC)
    warden = os.getpid()
    child = os.fork()
    if child == 0:
        _become_sandbox(request, theirs, (holder_input, ready_in, errors_in, info_in), warden)
    theirs.close()
    for descriptor in (info_in, ready_in, errors_in, holder_input):
        os.close(descriptor)
    try:
        listener = _listener(ours)
        _await(ready, errors, owner)
        pid = int(json.loads(os.read(info, 4096))["child-pid"])  # bwrap wrote all of it before the holder ran
    except BaseException:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        raise
    finally:
        ours.close()
        for descriptor in (info, ready, errors):
            os.close(descriptor)
    return pid, listener


def _listener(ours: socket.socket) -> int:
    answer = wire.receive(ours)
    if answer is None:
        raise HoldError("the process that makes the sandbox was killed")
    message, descriptors = answer
    if "error" in message:
        raise HoldError(message["error"])
    return descriptors[0]


def _await(wanted: int, errors: int, owner: socket.socket) -> None:
    """Until `wanted` has something to read. Raises HoldError with what bwrap said where it ends first."""
    poll = select.poll()
    for descriptor in (wanted, owner.fileno()):
        poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        events = dict(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
        if events.get(wanted, 0) & select.POLLIN:
            return
        if wanted in events:
            text = os.read(errors, 65536).decode(errors="replace").strip()
            raise HoldError(text or "bwrap ended without a word")
        if owner.fileno() in events:
            raise HoldError("the owner is gone")
        if not events:
            raise HoldError(f"bwrap did not come up within {_START_SECONDS:g} s")


def _become_sandbox(
    request: Hold, report: socket.socket, streams: tuple[int, int, int, int], warden: int
) -> None:
    """In the forked child: never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        files = [kernel.sealed_copy(path) for path in (request.program, *request.libraries)]
        process.join(request.cgroups)
        process.prefer_for_oom(request.oom_score)
        if request.uid is not None:
            _stage(request)
            _become(request.uid)
        listener = _enter_new_network(request)
        wire.send(report, {}, [listener.fileno()])
        _run(request, files, streams, warden)
    except OSError as error:
        wire.send(report, {"error": f"the sandbox's namespaces could not be made: {error}"})
    finally:
        os._exit(1)


def _stage(request: Hold) -> None:
    """In a private mount namespace, shows what is staged and lent below /tmp, where any user may look.

    So folders below one that only root may enter (its home) can be bound by a user that is not root.
    """
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", "none", kernel.MS_REC | kernel.MS_PRIVATE)
    opened = [(os.open(source, os.O_PATH | os.O_CLOEXEC), target) for source, target in request.stage]
    lent = [(_lend(source, owner, request.uid), target) for source, target, *owner in request.lent]
    kernel.mount("stage", "/tmp", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755")  # noqa: S108
    for descriptor, target in opened:
        os.mkdir(target, 0o755)  # noqa: PTH102 - pathlib is slow to import
        kernel.mount(f"/proc/self/fd/{descriptor}", target, "none", kernel.MS_BIND | kernel.MS_REC)
        os.close(descriptor)
    for mount, target in lent:
        os.mkdir(target, 0o755)  # noqa: PTH102 - as above
        kernel.place_mount(mount, target)
        os.close(mount)


def _lend(source: str, owner: Sequence[int], uid: int | None) -> int:
    assert uid is not None
    folder = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return owners.lend(folder, (owner[0], owner[1]), uid)
    finally:
        os.close(folder)


def _become(uid: int) -> None:
    """From root to a user that owns nothing on this host."""
    os.chdir("/")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kernel.set_dumpable(dumpable=True)  # else /proc/self/uid_map would still be root's


def _enter_new_network(request: Hold) -> socket.socket:
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{request.inner_uid} {uid} 1"),
        ("gid_map", f"{request.inner_uid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(text)
    kernel.loopback_up()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", request.port))
    listener.listen(_BACKLOG)
    return listener


def _run(request: Hold, files: list[int], streams: tuple[int, int, int, int], warden: int) -> None:
    """Puts bwrap's descriptors where its arguments expect them, and lets it inherit nothing else."""
    program, *libraries = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, _SPARE) for file in files]
    for library in libraries:
        os.set_inheritable(library, True)
    preload = ":".join(f"/proc/self/fd/{library}" for library in libraries)
    options = b"".join(os.fsencode(option) + b"\0" for option in request.options)
    data = (_memory(bytes.fromhex(request.seccomp)), _memory(options))
    wanted = (0, 1, 2, INFO_DESCRIPTOR, SECCOMP_DESCRIPTOR, ARGUMENTS_DESCRIPTOR)
    lifted = [fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, _SPARE) for source in (*streams, *data)]
    for source, target in zip(lifted, wanted, strict=True):
        os.dup2(source, target)
    kernel.close_all_but({*wanted, program, *libraries})
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != warden:
        os._exit(1)
    try:
        os.execve(program, list(request.argv), {"LD_PRELOAD": preload} if preload else {})  # noqa: S606
    except OSError as error:
        os.write(2, f"bwrap could not be run: {error}".encode())


def _memory(content: bytes) -> int:
    """A descriptor from which `content` is read."""
    descriptor = os.memfd_create("data", os.MFD_CLOEXEC)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
