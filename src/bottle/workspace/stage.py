"""Where an apply prepares what it writes: a private folder inside the directory, on its file system."""

import errno
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Self

from attrs import field, frozen

from bottle.tree import Kind
from bottle.workspace.directory import ChangedMeanwhileError, Directory, InTheWayError, Seen

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_OCCUPIED = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR})


@frozen(kw_only=True)
class Piece:
    """What comes to a path: `chunks` of a file, the `target` of a link, or an empty folder."""

    kind: Kind
    mode: int = 0
    target: str = ""
    chunks: Iterable[bytes] = field(default=(), repr=False)


@frozen(kw_only=True)
class Step:
    """One path's exchange. `old` goes into the stage as `o<number>`; `new` lies there as `n<number>`.

    Either may be None, for nothing.
    """

    number: int
    path: PurePosixPath
    old: Seen | None
    new: Seen | None = None


class Stage:
    """The folder `name` in `tree`, while entered: for `make` or `remove`, see there."""

    def __init__(self, tree: Directory, name: str) -> None:
        self.tree = tree
        self.name = name
        self._descriptor = -1

    def make(self) -> None:
        """Before it is entered. Raises FileExistsError."""
        self.tree.before("make stage")
        os.mkdir(self.name, 0o700, dir_fd=self.tree.descriptor)

    def __enter__(self) -> Self:
        """Raises FileNotFoundError."""
        self._descriptor = os.open(self.name, _FOLDER, dir_fd=self.tree.descriptor)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def exists(self) -> bool:
        return _look(self.name, self.tree.descriptor) is not None

    def hide(self) -> None:
        """From the operator's git, should one look while the folder is there."""
        self._write(".gitignore", [b"*\n"], 0o600)

    def put(self, number: int, piece: Piece) -> Seen:
        """Brings what is to come onto the disk."""
        name = f"n{number}"
        if piece.kind is Kind.FILE:
            self._write(name, piece.chunks, piece.mode)
        elif piece.kind is Kind.LINK:
            self.tree.before("put link")
            os.symlink(piece.target, name, dir_fd=self._descriptor)
        else:
            self.tree.before("put folder")
            os.mkdir(name, 0o700, dir_fd=self._descriptor)
            os.chmod(name, piece.mode, dir_fd=self._descriptor)
        return Seen.of(os.lstat(name, dir_fd=self._descriptor))

    def _write(self, name: str, chunks: Iterable[bytes], mode: int) -> None:
        self.tree.before(f"create {name}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, 0o600, dir_fd=self._descriptor), "wb") as file:
            for chunk in chunks:
                self.tree.before(f"write {name}")
                file.write(chunk)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())

    def exchange(self, step: Step) -> None:
        """Raises ChangedMeanwhileError where what is at the path is not what `step` tells; see `restore`."""
        try:
            with self.tree.folder(step.path.parent) as folder:
                if step.old:
                    self._take_aside(folder, step, step.old)
                if step.new:
                    self._bring_in(folder, step, step.new)
        except (FileNotFoundError, InTheWayError):
            raise ChangedMeanwhileError(step.path) from None

    def _take_aside(self, folder: int, step: Step, old: Seen) -> None:
        if not old.is_same(Seen.of(os.lstat(step.path.name, dir_fd=folder))):
            raise ChangedMeanwhileError(step.path)
        self.tree.before(f"aside {step.path}")
        os.rename(step.path.name, f"o{step.number}", src_dir_fd=folder, dst_dir_fd=self._descriptor)
        if not self.has_old(step):
            raise ChangedMeanwhileError(step.path)

    def has_old(self, step: Step) -> bool:
        """Whether what was taken aside is what was planned to be: nobody wrote to it, a folder is empty."""
        name = f"o{step.number}"
        seen = Seen.of(os.lstat(name, dir_fd=self._descriptor))
        if step.old is None or not step.old.is_same(seen, renamed=True):
            return False
        return seen.kind is not Kind.FOLDER or not self._holds(self._descriptor, name)

    @staticmethod
    def _holds(above: int, name: str) -> bool:
        descriptor = os.open(name, _FOLDER, dir_fd=above)
        try:
            return bool(os.listdir(descriptor))  # noqa: PTH208 - of a descriptor
        finally:
            os.close(descriptor)

    def _bring_in(self, folder: int, step: Step, new: Seen) -> None:
        self.tree.before(f"bring {step.path}")
        try:
            self._move(f"n{step.number}", self._descriptor, step.path.name, folder, kind=new.kind)
        except OSError as error:
            if error.errno in _OCCUPIED:
                raise ChangedMeanwhileError(step.path) from None
            raise

    def _move(self, source: str, source_folder: int, target: str, target_folder: int, *, kind: Kind) -> None:
        """Never over another entry, but for an empty folder in the place of a folder.

        A file or link keeps its first name as well, where the file system has hard links.
        """
        if kind is not Kind.FOLDER:
            try:
                self.tree.link(source, source_folder, target, target_folder)
            except OSError as error:
                if error.errno not in _NO_HARD_LINKS:
                    raise
            else:
                return
        if _look(target, target_folder):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
        os.rename(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder)

    def restore(self, step: Step) -> bool:
        """Undoes as much of `exchange` as was done; however often. False where somebody's work is in the way.

        Then what was there before stays in the stage.
        """
        old = _look(f"o{step.number}", self._descriptor)
        try:
            with self.tree.folder(step.path.parent) as folder:
                found = _look(step.path.name, folder)
                if old and found and old.inode == found.inode:
                    return self._forget_old(step)
                free = not found or self._take_out(folder, step, found)
                return not old or (free and self._put_back(folder, step, old))
        except (FileNotFoundError, InTheWayError):
            return not old

    def _take_out(self, folder: int, step: Step, found: Seen) -> bool:
        """Whether the place is free then."""
        name = step.path.name
        if step.new is None or not step.new.is_same(found, renamed=True):
            return False
        self.tree.before(f"take out {step.path}")
        if found.kind is not Kind.FOLDER:
            os.unlink(name, dir_fd=folder)
            return True
        try:
            os.rmdir(name, dir_fd=folder)
        except OSError as error:
            if error.errno in _OCCUPIED:
                return False
            raise
        return True

    def _put_back(self, folder: int, step: Step, old: Seen) -> bool:
        self.tree.before(f"put back {step.path}")
        try:
            self._move(f"o{step.number}", self._descriptor, step.path.name, folder, kind=old.kind)
        except OSError as error:
            if error.errno in _OCCUPIED:
                return False
            raise
        return self._forget_old(step)

    def _forget_old(self, step: Step) -> bool:
        """It is back at its place, and may have its name here still."""
        self.tree.before(f"forget {step.path}")
        with suppress(FileNotFoundError):
            os.unlink(f"o{step.number}", dir_fd=self._descriptor)
        return True

    def sync(self) -> None:
        self.tree.before("sync stage")
        os.fsync(self._descriptor)

    def remove(self) -> None:
        """With all that is in it."""
        self.tree.before("remove stage")
        shutil.rmtree(self.name, dir_fd=self.tree.descriptor)

    def keep(self) -> str:
        """Puts what could not be given back out of the next apply's way, and returns where it is."""
        for number in range(1, 1000):
            name = f"{self.name}-kept-{number}"
            above = self.tree.descriptor
            if not _look(name, above):
                os.rename(self.name, name, src_dir_fd=above, dst_dir_fd=above)
                return name
        return self.name


def _look(name: str, folder: int) -> Seen | None:
    try:
        return Seen.of(os.lstat(name, dir_fd=folder))
    except FileNotFoundError:
        return None
