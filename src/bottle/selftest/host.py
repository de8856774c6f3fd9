"""The host, made worth attacking: services, a file, processes. All of it is gone with the context."""

import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen

from bottle.errors import BottleError
from bottle.proc import PIPE, Command, end, spawn
from bottle.selftest.decoys import Decoys

MARKER = "process-of-the-host-under-attack"
_PRIVATE, _PAGE, _FOR_ALL, _REMOVE = 0, 4096, 0o666, 0
_PROCESSES = (("/bin/cat", "-"), (sys.executable, "-c", "import sys; sys.stdin.read()", MARKER))


@frozen(kw_only=True)
class Host:
    """What stands ready.

    `canary`: a file that its owner alone may read. `pids`: processes. `shared_memory`: the number of a
    segment that anybody may attach.
    """

    decoys: Decoys
    canary: Path
    pids: Sequence[int]
    shared_memory: int


@contextmanager
def prepared(folder: Path) -> Iterator[Host]:
    """`folder` is the selftest's own, and takes what is a file."""
    with ExitStack() as stack:
        canary = folder / "private"
        canary.write_text("of the host alone")
        canary.chmod(0o600)
        pids = [stack.enter_context(_running(*argv)) for argv in _PROCESSES]
        decoys = stack.enter_context(Decoys(folder, str(os.getpid())))
        segment = stack.enter_context(_segment())
        yield Host(decoys=decoys, canary=canary, pids=(*pids, os.getpid()), shared_memory=segment)


@contextmanager
def _segment() -> Iterator[int]:
    """System V shared memory, which outlives its processes."""
    libc = ctypes.CDLL(None, use_errno=True)
    number: int = libc.shmget(_PRIVATE, _PAGE, _FOR_ALL)
    if number < 0:
        raise BottleError(f"no shared memory can be made: {os.strerror(ctypes.get_errno())}")
    try:
        yield number
    finally:
        libc.shmctl(number, _REMOVE, None)


@contextmanager
def _running(*argv: str) -> Iterator[int]:
    process = spawn(Command(argv=argv), stdin=PIPE, new_session=True)
    try:
        yield process.pid
    finally:
        end(process)
