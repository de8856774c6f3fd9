"""What an apply is about to do, on record outside of the directory: whoever comes next can undo it.

`FOLDER/<name>.journal`, one for a directory, is locked while its apply lives. It holds lines of JSON: that it
begins, all steps (from here on the directory is changed), that it is done (from here on the change is valid).
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import cattrs
from attrs import field, frozen

from bottle.errors import BottleError
from bottle.workspace.stage import Step

PATIENCE = 10.0
"""Seconds that a second apply in one directory waits for the first."""
_PAUSE = 0.05
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_SUFFIX = ".journal"
_converter = cattrs.Converter()
_converter.register_unstructure_hook(PurePosixPath, str)
_converter.register_structure_hook(PurePosixPath, lambda text, _type: PurePosixPath(text))


@frozen(kw_only=True)
class Record:
    """What a journal says. `stage`: the name of its folder; empty where nothing had begun.

    `times`: when the folders that are touched were last changed before, in nanoseconds. `steps`: all, in
    their order; none before they were planned.
    """

    root: str = ""
    stage: str = ""
    pid: int = 0
    times: dict[str, int] = field(factory=dict)
    steps: tuple[Step, ...] = ()
    done: bool = False


@frozen
class Journal:
    """An open and locked one."""

    path: Path
    _descriptor: int = field(repr=False)

    def begin(self, root: Path, stage: str, times: dict[str, int]) -> None:
        self._note({"root": str(root), "stage": stage, "pid": os.getpid(), "times": times})
        self._sync_folder()

    def plan(self, steps: Sequence[Step]) -> None:
        self._note({"steps": _converter.unstructure(steps)})

    def end(self) -> None:
        """What was planned is valid now."""
        self._note({"done": True})

    def _note(self, fields: dict[str, Any]) -> None:
        """A line that does not reach the disk whole is taken back."""
        size = os.fstat(self._descriptor).st_size
        line = json.dumps(fields).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, size)
            raise

    def read(self) -> Record:
        """A line that was cut off counts for nothing: what it announces had not begun."""
        return read(self.path)

    def remove(self) -> None:
        """While it is locked, so that nobody finds it between."""
        self.path.unlink()
        self._sync_folder()

    def empty(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.fsync(self._descriptor)

    def _sync_folder(self) -> None:
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@frozen
class Journals:
    """Those of one operator."""

    folder: Path

    def unfinished(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{_SUFFIX}"))

    def path(self, root: Path) -> Path:
        """Of the directory `root`, however it is reached."""
        return self.folder / (sha256(os.fsencode(root.resolve())).hexdigest()[:24] + _SUFFIX)

    @contextmanager
    def opened(self, path: Path, patience: float = PATIENCE) -> Iterator[Journal]:
        """Locked, made where it is missing; the caller removes it. Raises BottleError where it stays held."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        deadline = time.monotonic() + patience
        while True:
            descriptor = os.open(
                path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            try:
                if _locked(descriptor) and _is_at(path, descriptor):
                    yield Journal(path, descriptor)
                    return
            finally:
                os.close(descriptor)
            if time.monotonic() >= deadline:
                raise _busy(read(path))
            time.sleep(_PAUSE)


def read(path: Path) -> Record:
    """Raises BottleError for what no apply wrote."""
    fields: dict[str, Any] = {}
    with suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                fields |= _fields(path, line)
    try:
        return _converter.structure(fields, Record)
    except Exception as error:  # whatever a converter raises
        raise _damaged(path) from error


def _fields(path: Path, line: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except (ValueError, TypeError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> BottleError:
    return BottleError("the journal of an apply cannot be read", location=str(path))


def _busy(record: Record) -> BottleError:
    return BottleError(
        f"another apply is under way in {record.root or 'this directory'} (process {record.pid})"
    )


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the file that was opened is still the one of that name, and not a removed one."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return found.st_nlink > 0 and os.path.samestat(found, os.fstat(descriptor))
