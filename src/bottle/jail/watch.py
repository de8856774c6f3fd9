"""Measures from outside what a running sandbox holds of the disk, with the eyes of its own file system.

Where a layer takes what the sandbox changes of a host's directory, that layer is measured.
Like the relay of an entry, this process is in the sandbox's namespaces but not in its process namespace, so
nothing inside sees it. Over the sandbox's users it may look into any folder and at any open file, and can do
nothing else; it is in none of the sandbox's control groups, whose limits could otherwise hold it up.
"""

import os
import select
import signal
import socket

from bottle.jail import kernel, process
from bottle.jail.enter import answer, move
from bottle.jail.openfiles import OpenFiles
from bottle.jail.requests import Watch
from bottle_sidecar import disk

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ABILITIES = (kernel.CAP_DAC_READ_SEARCH, kernel.CAP_SYS_PTRACE)


def watch(request: Watch, reply: socket.socket) -> None:
    """In a fork of the warden: never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        files = OpenFiles(proc, request.pid, (*request.folders, *request.covered))
        outside = [os.open(folder, _FOLDER) for folder in request.outside]
        _enter(request, {reply.fileno(), proc, *outside})
        folders: list[str | int] = [*request.folders, *outside]
        meter = disk.Meter(folders, limit=request.disk, memory=request.memory, others=files.sizes)
        found = disk.watch(meter, request.disk, lambda seconds: not _hung_up(reply, seconds))
        if found is not None:
            answer(reply, {"exceeded": found})
    except (OSError, disk.TooDeepError) as error:
        answer(reply, {"error": str(error)})
    finally:
        os._exit(0)


def _enter(request: Watch, keep: set[int]) -> None:
    target = process.handle(request.pid, request.started)
    if target is None:
        raise ProcessLookupError("the sandbox is not running")
    last_capability = kernel.last_capability()
    kernel.close_all_but({target, *keep})
    move(target, request.uid)
    kernel.drop_capabilities(last_capability, keep=_ABILITIES)
    kernel.no_new_privileges()


def _hung_up(reply: socket.socket, seconds: float) -> bool:
    poll = select.poll()
    poll.register(reply, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
