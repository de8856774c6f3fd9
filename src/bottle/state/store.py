"""The state folder: one sub-folder per bottle, owned by the process that holds its lock.

The lock, not a process id, says whether a bottle is live: the kernel releases it however its owner dies.
"""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import frozen

from bottle.errors import BottleError, EnvironmentLacksError
from bottle.state.identity import is_identity
from bottle.state.proposals import Proposals
from bottle.state.record import BottleRecord, DamagedRecordError, NewerSchemaError, Phase

_RECORD = "record.json"
_LOCK = "owner.lock"
_MARK = ".preserve"
_PATIENCE = 5.0
_PAUSE = 0.05
_LONGEST_HOLDER = 200


@frozen(kw_only=True)
class StateEntry:
    """One folder. `record` is None where it was cut off before one was written, or cannot be read.

    `live`: a process owns it. `preserved`: it carries the mark, and is to outlive its owner.
    """

    identity: str
    folder: Path
    live: bool
    record: BottleRecord | None
    problem: BottleError | None = None
    preserved: bool = False

    @property
    def active(self) -> bool:
        """Its agent runs, or is about to; one that is live and not active is held for a while, to be read."""
        return self.live and not (self.record and self.record.phase is Phase.KEPT)

    @property
    def kept(self) -> bool:
        """It can be resumed, or discarded; what of it ran last may not be cleared away yet."""
        return self.preserved and not self.active

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
        """Owns the identity for the length of the context and yields its folder.

        Afterwards it is gone, unless it was marked by `preserve`. Raises BottleError where there is such a
        folder already, live, kept or dead.
        """
        folder = self.folder(record.identity)
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

    @contextmanager
    def hold(self, identity: str, holder: str, *, patience: float = _PATIENCE) -> Iterator[StateEntry]:
        """Owns a kept bottle for the length of the context; it stays, unless `forget` takes its mark away.

        `holder`: the command, for others to be told. Waits up to `patience` seconds for another holder.
        Raises BottleError where it is not kept, runs, or is held for longer.
        """
        lock = self._take(identity, holder, patience)
        try:
            self._own_runtime()
            (self.runtime / identity).mkdir(mode=0o700, exist_ok=True)
            yield self.entry(identity)
        finally:
            self._release(identity, lock)

    def folder(self, identity: str) -> Path:
        return self.root / identity

    def proposals(self, identity: str) -> Proposals:
        """What the bottle asks its operator."""
        return Proposals(self.folder(identity))

    def update(self, record: BottleRecord) -> None:
        """Puts a new record in the place of the one that the caller's claim wrote."""
        self._write(self.folder(record.identity) / _RECORD, record.to_json())

    def preserve(self, identity: str) -> None:
        """Marks the caller's own bottle: from now on it outlives its owner, however that ends."""
        folder = self.folder(identity)
        descriptor = os.open(folder / _MARK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.close(descriptor)
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def forget(self, identity: str) -> None:
        """Takes the mark of the caller's own bottle away."""
        (self.folder(identity) / _MARK).unlink(missing_ok=True)

    def preserved(self, identity: str) -> bool:
        return os.path.lexists(self.folder(identity) / _MARK)

    def entries(self) -> list[StateEntry]:
        """Every folder, oldest name first; lenient, so that listing and cleanup always work."""
        if not self.root.is_dir():
            return []
        with self._guard():
            names = sorted(folder.name for folder in self.root.iterdir())
            return [self.entry(name) for name in names if is_identity(name)]

    def entry(self, identity: str) -> StateEntry:
        folder = self.folder(identity)
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
            identity=identity,
            folder=folder,
            live=self._is_locked(folder),
            record=record,
            problem=problem,
            preserved=self.preserved(identity),
        )

    def live(self) -> list[BottleRecord]:
        """Those in which an agent runs, or is about to."""
        return [entry.record for entry in self.entries() if entry.active and entry.record]

    def kept(self, identity: str) -> StateEntry:
        """A kept bottle. Raises BottleError for one that is none, or that a later version wrote."""
        entry = self.entry(identity) if is_identity(identity) else None
        if entry and entry.newer and entry.problem:
            raise entry.problem
        if entry and entry.active:
            attach = f"`bottle attach {identity}` or " if entry.record and entry.record.interactive else ""
            raise BottleError(f"{identity} is running", hint=f"{attach}`bottle stop {identity}`")
        if entry is None or not entry.preserved:
            raise BottleError(f"no bottle '{identity}' is kept", hint="bottle list kept")
        return entry

    def live_record(self, identity: str) -> BottleRecord:
        """The record of a live bottle. Raises BottleError that says how to find the live ones."""
        entry = self.entry(identity) if is_identity(identity) else None
        if entry and entry.problem:
            raise entry.problem
        if entry and entry.kept:
            raise BottleError(f"{identity} is kept, and does not run", hint=f"bottle resume {identity}")
        if entry is None or not entry.active or entry.record is None:
            raise BottleError(f"no bottle '{identity}' is running", hint="bottle list active")
        return entry.record

    def remove(self, identity: str) -> None:
        """Removes the folders of a bottle that nobody owns; kept ones, and those of a later version, stay."""
        if not self.root.is_dir():
            return
        with self._guard():
            entry = self.entry(identity)
            if not entry.live and not entry.newer and not entry.preserved:
                self._erase(identity)

    def _take(self, identity: str, holder: str, patience: float) -> int:
        """The lock of a kept bottle, which then says who holds it."""
        deadline = time.monotonic() + patience
        while True:
            self.kept(identity)
            with self._guard():  # so that nobody removes the folder between the look and the lock
                found = self.kept(identity)
                lock = os.open(found.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    told = os.pread(lock, _LONGEST_HOLDER, 0).decode(errors="replace")
                    os.close(lock)
                else:
                    os.ftruncate(lock, 0)
                    os.pwrite(lock, f"`{holder}` (pid {os.getpid()})".encode(), 0)
                    return lock
            if time.monotonic() >= deadline:
                raise BottleError(f"{identity} is in use by {told or 'another command'}")
            time.sleep(_PAUSE)

    def _release(self, identity: str, lock: int) -> None:
        """Under the guard, so that nobody sees a half-removed folder; without it where the root is gone."""
        try:
            with self._guard():
                self._let_go(identity)
        except OSError:
            self._let_go(identity)
        finally:
            os.close(lock)

    def _let_go(self, identity: str) -> None:
        if self.preserved(identity):
            shutil.rmtree(self.runtime / identity, ignore_errors=True)
        else:
            self._erase(identity)

    def _erase(self, identity: str) -> None:
        shutil.rmtree(self.runtime / identity, ignore_errors=True)
        shutil.rmtree(self.folder(identity), ignore_errors=True)

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
