"""What changed in a native bottle's workspace: looked at from the host, by an interpreter of its own.

It needs the standard library alone, so the one that runs us will do.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import bottle_sidecar
from bottle import proc
from bottle.backends.base import CopiedIn
from bottle.proc import Command

_RUN = (
    "import runpy, sys; sys.path.insert(0, sys.argv[1]); sys.argv[:2] = []; "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)
_INTERPRETER = (sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _RUN)


@contextmanager
def changes(box: Path, start: CopiedIn | None) -> Iterator[IO[bytes]]:
    """`box`: a bottle's own folder. See `Bottle.changes`."""
    folder = ("overlay", box / "upper", 0) if start is None else ("copy", box / "workspace", start.filled_ns)
    root = Path(str(bottle_sidecar.__file__)).parent.parent
    words = (str(root), "bottle_sidecar.changes", *map(str, folder))
    command = Command(argv=(*_INTERPRETER, *words), env={}, cwd="/", timeout=None)
    with ExitStack() as stack:
        base = stack.enter_context(start.base.open("rb")) if start else None
        yield stack.enter_context(proc.reading(command, stdin=base))
