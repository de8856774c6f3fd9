"""Who is at a session, and when its agent last wrote: a file that `bottle list` reads."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from attrs import frozen

_GRAIN = 1.0
"""Seconds between two notes of output."""


@frozen(kw_only=True)
class Seen:
    """`terminals`: how many show the session. `output`: seconds since the epoch."""

    terminals: int
    output: float

    @classmethod
    def at(cls, path: Path) -> Self | None:
        """None where no session is."""
        try:
            return cls(terminals=int(path.read_bytes()), output=path.stat().st_mtime)
        except (OSError, ValueError):
            return None


class Presence:
    """Written by the session: the file's text is the number of terminals, its time that of the last output.

    A file that takes no more is no reason to end the session: then `bottle list` knows less.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._terminals = -1
        self._output = time.time()
        self._noted = time.monotonic()

    @classmethod
    @contextmanager
    def kept_in(cls, path: Path) -> Iterator[Self]:
        """The file is there for the length of the context."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            yield cls(descriptor)
        finally:
            os.close(descriptor)
            path.unlink(missing_ok=True)

    def terminals(self, count: int) -> None:
        if count == self._terminals:
            return
        self._terminals = count
        with suppress(OSError):
            os.pwrite(self._descriptor, b"%3d\n" % count, 0)
        self._note()

    def output(self) -> None:
        """The agent wrote just now."""
        self._output = time.time()
        if time.monotonic() - self._noted >= _GRAIN:
            self._note()

    def _note(self) -> None:
        self._noted = time.monotonic()
        with suppress(OSError):
            os.utime(self._descriptor, (self._output, self._output))
