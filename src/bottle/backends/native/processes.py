"""Finding and ending the processes of a bottle by its identity, and never a stranger."""

import os
import select
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from bottle.jail import process

_END_SECONDS = 10.0
_PREFIX = "bot-bottle.identity="
_SEPARATOR = "@"
_WARDEN_FLAGS = (b"-I", b"-S")


def marker(scope: str, identity: str) -> str:
    """The argument that a bottle's processes carry: bwrap's first, the warden's last.

    `scope` names the operator's set of bottles: another home's, or another user's, are no orphans here.
    """
    return f"{_PREFIX}{identity}{_SEPARATOR}{scope}"


@frozen(kw_only=True)
class Found:
    identity: str
    pid: int
    started: int


def find(scope: str, proc: Path = Path("/proc")) -> Sequence[Found]:
    """Every process of any bottle in `scope`.

    What a program in a sandbox claims to be is its own harm only: it is the one that would be ended.
    """
    found = []
    for folder in proc.iterdir():
        if folder.name.isdigit():
            pid = int(folder.name)
            started = process.started(pid)
            identity, _, place = _mark(folder).partition(_SEPARATOR)
            if identity and place == scope and started is not None:
                found.append(Found(identity=identity, pid=pid, started=started))
    return found


def _mark(folder: Path) -> str:
    try:
        arguments = (folder / "cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return ""
    is_warden = tuple(arguments[1:3]) == _WARDEN_FLAGS
    text = os.fsdecode(arguments[-1 if is_warden else 0]) if arguments else ""
    return text.removeprefix(_PREFIX) if text.startswith(_PREFIX) else ""


def end(targets: Sequence[tuple[int, int]]) -> None:
    """Kills (pid, start time) pairs and waits until they are gone. Idempotent."""
    handles = [handle for pid, started in targets if (handle := process.handle(pid, started)) is not None]
    poll = select.poll()
    for handle in handles:
        with suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        poll.register(handle, select.POLLIN)
    deadline = time.monotonic() + _END_SECONDS
    waiting = set(handles)
    while waiting and (left := deadline - time.monotonic()) > 0:
        for handle, _ in poll.poll(left * 1000):
            poll.unregister(handle)
            waiting.discard(handle)
    for handle in handles:
        os.close(handle)
