"""The operator's directory as a stream: a private copy is made of it, the original is never written."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from attrs import frozen

from bottle import proc
from bottle.errors import BottleError

_COMPLETE = (0, 1)
"""tar's exit statuses: all went well, or a file changed while it was read."""


@frozen
class Snapshot:
    """`directory` with all its files, `.git` and symlinks (kept as links)."""

    directory: Path

    @contextmanager
    def archive(self) -> Iterator[IO[bytes]]:
        """A tar stream of the directory's content. Raises BottleError where a file cannot be read.

        A file that changes or vanishes while it is read is no error: the copy is of a living directory.
        """
        command = proc.Command(argv=("tar", "-C", str(self.directory), "-cf", "-", "."), timeout=None)
        with tempfile.TemporaryFile() as errors:
            tar = proc.spawn(command, stdin=proc.DEVNULL, stdout=proc.PIPE, stderr=errors)
            assert tar.stdout is not None
            try:
                yield tar.stdout
                tar.stdout.read()
            finally:
                tar.stdout.close()
                code = tar.wait()
            if code not in _COMPLETE:
                errors.seek(0)
                detail = errors.read().decode(errors="replace").strip()[-2000:]
                raise BottleError(f"{self.directory} cannot be copied:\n{detail}")
