"""What comes out of a bottle is the agent's data: it is unpacked so that it can touch nothing else."""

import os
import tempfile
from pathlib import Path, PurePosixPath

from attrs import frozen

from bottle.backends.base import Bottle, ExecRequest, Running, Streams
from bottle.errors import BottleError, UsageError
from bottle.launch.unpack import HostileArchiveError, unpack
from bottle.plan import AGENT_PATH
from bottle.terminal import printable


@frozen
class Collection:
    """A file or folder of the sandbox, on its way to the host."""

    bottle: Bottle
    source: PurePosixPath

    def save(self, target: Path) -> None:
        """Puts it at `target`; a file there is replaced, a folder refused.

        The archive is made inside, so its every byte may be hostile: `unpack` says what is taken of it.
        Nothing appears at `target` before all of it is unpacked. Raises BottleError.
        """
        if self.source.name in {"", ".."}:
            raise UsageError(f"{self.source} is not the name of a file or folder")
        if target.is_dir() and not target.is_symlink():
            raise BottleError(f"{target} exists", hint=f"name another destination than {target}")
        try:
            with tempfile.TemporaryDirectory(prefix=".bottle-cp-", dir=target.absolute().parent) as folder:
                self._unpack(Path(folder))
                self._place(Path(folder) / self.source.name, target)
        except OSError as error:
            raise BottleError(f"{self.source} cannot be copied to {target}: {error}") from error

    def _unpack(self, folder: Path) -> None:
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb") as stream, tempfile.TemporaryFile() as errors:
            running = self._archiver(write_end, errors.fileno())
            os.close(write_end)
            failure = None
            try:
                unpack(stream, folder)
            except HostileArchiveError as error:
                failure = error
            stream.close()
            code = running.wait()
            if code or failure:
                errors.seek(0)
                told = errors.read(2000).decode(errors="replace").strip()
                raise BottleError(f"{self.source} cannot be copied: {printable(told) or failure}")

    def _archiver(self, output: int, errors: int) -> Running:
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            return self.bottle.start(
                ExecRequest(
                    argv=("tar", "-C", str(self.source.parent), "-cf", "-", "--", self.source.name),
                    env={"PATH": AGENT_PATH},
                    cwd="/",
                    streams=Streams(stdin=nothing, stdout=output, stderr=errors),
                )
            )
        finally:
            os.close(nothing)

    @staticmethod
    def _place(unpacked: Path, target: Path) -> None:
        if not os.path.lexists(unpacked):
            raise BottleError("the bottle sent something else than what was asked for")
        if unpacked.is_dir() and not unpacked.is_symlink() and os.path.lexists(target):
            raise BottleError(f"{target} exists and is no folder")
        unpacked.replace(target)
