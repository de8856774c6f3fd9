"""The warden: a small process that brings a sandbox up, holds it, and starts processes in it.

It serves one owner over a socket (its standard input) and ends with it, at once: the sandbox dies with
its warden, and each process inside with the relay that started it. It has one thread, so it may
fork and unshare as it likes; all that its forks need is imported here, before the first of them.
"""

import os
import signal
import socket
from collections.abc import Sequence

from bottle.jail import wire
from bottle.jail.enter import Probe, enter
from bottle.jail.hold import HoldError, hold
from bottle.jail.process import started
from bottle.jail.requests import Entry, Hold, Watch, from_json
from bottle.jail.watch import watch


def serve(owner: socket.socket, probe: Probe | None) -> None:
    """Until the owner hangs up."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while (received := wire.receive(owner)) is not None:
        message, descriptors = received
        request = from_json(message)
        if isinstance(request, Hold):
            _hold(request, descriptors, owner)
        else:
            _fork(request, descriptors, probe)


def _hold(request: Hold, descriptors: Sequence[int], owner: socket.socket) -> None:
    try:
        pid, listener = hold(request, descriptors[0], owner)
    except (HoldError, OSError) as error:
        wire.send(owner, {"error": str(error)})
        return
    wire.send(owner, {"pid": pid, "started": started(pid)}, [listener])
    os.close(listener)


def _fork(request: Entry | Watch, descriptors: Sequence[int], probe: Probe | None) -> None:
    number, *streams = descriptors
    if os.fork() == 0:
        reply = socket.socket(fileno=number)
        if isinstance(request, Watch):
            watch(request, reply)
        else:
            enter(request, reply, streams, probe)
    for descriptor in descriptors:
        os.close(descriptor)


def main(probe: Probe | None = None) -> None:
    serve(socket.socket(fileno=os.dup(0)), probe)
    os._exit(0)
