"""The state folder: one sub-folder per bottle, owned by the process that holds its lock.

The lock, not a process id, says whether a bottle is live: the kernel releases it however its owner dies.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import frozen

from bottle.errors import BottleError, EnvironmentLacksError
from bottle.state.identity import is_identity
from bottle.state.proposals import Proposals
from bottle.state.record import BottleRecord, DamagedRecordError, NewerSchemaError

_RECORD = "record.json"
_LOCK = "owner.lock"


@frozen(kw_only=True)
class StateEntry:
    """One folder. `record` is None where it was cut off before one was written, or cannot be read."""

    identity: str
    folder: Path
    live: bool
    record: BottleRecord | None
    problem: BottleError | None = None

    @property
    def newer(self) -> bool:
        """A later version's: nothing of it may be touched, since its rules are not known here."""
        return isinstance(self.problem, NewerSchemaError)


@frozen
class StateStore:
    """Folders `<root>/<identity>/` and, for sockets, `<runtime>/<identity>/`; all 0700."""

    root: Path
    runtime: Path

    @contextmanager
    def claim(self, record: BottleRecord) -> Iterator[Path]:
        """Owns the identity for the length of the context and yields its folder, which is gone afterwards.

        Raises BottleError where there is such a folder already, live or dead.
        """
        folder = self.root / record.identity
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._own_runtime()
        with self._guard():
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                raise BottleError(f"{folder} exists already", hint="bottle cleanup") from None
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            (self.runtime / record.identity).mkdir(mode=0o700, exist_ok=True)
            self._write(folder / _RECORD, record.to_json())
            yield folder
        finally:
            self._release(record.identity, lock)

    def proposals(self, identity: str) -> Proposals:
        """What the bottle asks its operator."""
        return Proposals(self.root / identity)

    def update(self, record: BottleRecord) -> None:
        """Puts a new record in the place of the one that the caller's claim wrote."""
        self._write(self.root / record.identity / _RECORD, record.to_json())

    def entries(self) -> list[StateEntry]:
        """Every folder, oldest name first; lenient, so that listing and cleanup always work."""
        if not self.root.is_dir():
            return []
        with self._guard():
            names = sorted(folder.name for folder in self.root.iterdir())
            return [self.entry(name) for name in names if is_identity(name)]

    def entry(self, identity: str) -> StateEntry:
        folder = self.root / identity
        record: BottleRecord | None = None
        problem: BottleError | None = None
        try:
            record = BottleRecord.from_json((folder / _RECORD).read_text(errors="replace"))
            if record.identity != identity:
                record, problem = None, DamagedRecordError(f"the record in {folder} is of another bottle")
        except OSError:
            pass
        except BottleError as error:
            problem = error
        return StateEntry(
            identity=identity, folder=folder, live=self._is_locked(folder), record=record, problem=problem
        )

    def live(self) -> list[BottleRecord]:
        return [entry.record for entry in self.entries() if entry.live and entry.record]

    def live_record(self, identity: str) -> BottleRecord:
        """The record of a live bottle. Raises BottleError that says how to find the live ones."""
        entry = self.entry(identity) if is_identity(identity) else None
        if entry and entry.problem:
            raise entry.problem
        if entry is None or not entry.live or entry.record is None:
            raise BottleError(f"no bottle '{identity}' is running", hint="bottle list active")
        return entry.record

    def remove(self, identity: str) -> None:
        """Removes the folders of a bottle that nobody owns; those of a later version stay."""
        if not self.root.is_dir():
            return
        with self._guard():
            entry = self.entry(identity)
            if not entry.live and not entry.newer:
                self._erase(identity)

    def _release(self, identity: str, lock: int) -> None:
        """Under the guard, so that nobody sees a half-removed folder; without it where the root is gone."""
        try:
            with self._guard():
                self._erase(identity)
        except OSError:
            self._erase(identity)
        finally:
            os.close(lock)

    def _erase(self, identity: str) -> None:
        shutil.rmtree(self.runtime / identity, ignore_errors=True)
        shutil.rmtree(self.root / identity, ignore_errors=True)

    def _own_runtime(self) -> None:
        """Makes the runtime folder. Raises BottleError where a stranger made it first, as in /tmp one can."""
        try:
            with suppress(FileExistsError):  # a link or a file: looked at below
                self.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = self.runtime.lstat()
        except OSError as error:
            raise EnvironmentLacksError(
                f"{self.runtime} cannot be made: {error.strerror}",
                hint=f"set XDG_RUNTIME_DIR to a folder of yours; {self.runtime.parent} is none",
            ) from error
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise BottleError(
                f"{self.runtime} must be a folder of yours that nobody else can enter",
                hint=f"rm -r {self.runtime}",
            )

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Held while a folder is made and locked, so that nobody sees a live bottle's folder unlocked."""
        descriptor = os.open(self.root / ".guard", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @staticmethod
    def _is_locked(folder: Path) -> bool:
        try:
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    @staticmethod
    def _write(path: Path, text: str) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".record-")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
