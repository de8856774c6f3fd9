"""The host, made worth attacking: services, a file, processes. All of it is gone with the context."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen

from bottle.proc import PIPE, Command, end, spawn
from bottle.selftest.decoys import Decoys

MARKER = "process-of-the-host-under-attack"
_PROCESSES = (("/bin/cat", "-"), (sys.executable, "-c", "import sys; sys.stdin.read()", MARKER))


@frozen(kw_only=True)
class Host:
    """What stands ready. `canary`: a file that its owner alone may read. `pids`: processes."""

    decoys: Decoys
    canary: Path
    pids: Sequence[int]


@contextmanager
def prepared(folder: Path) -> Iterator[Host]:
    """`folder` is the selftest's own, and takes what is a file."""
    with ExitStack() as stack:
        canary = folder / "private"
        canary.write_text("of the host alone")
        canary.chmod(0o600)
        pids = [stack.enter_context(_running(*argv)) for argv in _PROCESSES]
        decoys = stack.enter_context(Decoys(folder, str(os.getpid())))
        yield Host(decoys=decoys, canary=canary, pids=(*pids, os.getpid()))


@contextmanager
def _running(*argv: str) -> Iterator[int]:
    process = spawn(Command(argv=argv), stdin=PIPE, new_session=True)
    try:
        yield process.pid
    finally:
        end(process)
