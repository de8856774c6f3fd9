"""The operator's directory, to be changed: walked by descriptors; below its root no link is ever followed."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha1
from pathlib import Path, PurePosixPath
from typing import Self

from attrs import field, frozen

from bottle.errors import BottleError
from bottle.tree import Kind, Node, blob_id

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20


class InTheWayError(Exception):
    """A component of a path is there and is no folder."""

    def __init__(self, path: PurePosixPath, kind: Kind) -> None:
        super().__init__(str(path))
        self.path = path
        self.kind = kind


class ChangedMeanwhileError(BottleError):
    """Somebody else has written to a path since it was looked at."""

    def __init__(self, path: PurePosixPath) -> None:
        super().__init__(f"{path} was changed meanwhile")
        self.path = path


@frozen(kw_only=True)
class Seen:
    """Which entry it was, and when it was last written: tells whether another look finds the same."""

    device: int
    inode: int
    mode: int
    size: int
    mtime_ns: int
    ctime_ns: int = field(eq=False)

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        return cls(
            device=status.st_dev,
            inode=status.st_ino,
            mode=status.st_mode,
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
        )

    @property
    def kind(self) -> Kind:
        return kind_of(self.mode)

    def is_same(self, other: "Seen", *, renamed: bool = False) -> bool:
        """Whether nobody wrote in between. A folder is the same while it is that folder.

        `renamed`: in between it got another name or one more, which sets its ctime.
        """
        if self.kind is Kind.FOLDER:
            return (self.device, self.inode, self.kind) == (other.device, other.inode, other.kind)
        return self == other and (renamed or self.ctime_ns == other.ctime_ns)


@frozen(kw_only=True)
class Entry:
    """What is at a path, and which."""

    node: Node
    seen: Seen


class Directory:
    """`root` and what is below it, while entered. Paths are relative to it.

    `before`: called ahead of each thing that is written, wherever on the disk, with its name; tests
    interrupt there.
    """

    def __init__(self, root: Path, before: Callable[[str], None] = lambda _name: None) -> None:
        self.root = root
        self.before = before
        self.descriptor = -1
        self._folding: dict[PurePosixPath, bool] = {}

    def __enter__(self) -> Self:
        try:
            self.descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise BottleError(f"{self.root} cannot be opened: {error.strerror}") from error
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    @property
    def device(self) -> int:
        return os.fstat(self.descriptor).st_dev

    @contextmanager
    def folder(self, path: PurePosixPath) -> Iterator[int]:
        """A descriptor of the folder `path`. Raises FileNotFoundError and InTheWayError."""
        descriptor = os.dup(self.descriptor)
        try:
            for depth, name in enumerate(path.parts, 1):
                deeper = self._enter(descriptor, name, PurePosixPath(*path.parts[:depth]))
                os.close(descriptor)
                descriptor = deeper
            yield descriptor
        finally:
            os.close(descriptor)

    @staticmethod
    def _enter(above: int, name: str, path: PurePosixPath) -> int:
        try:
            return os.open(name, _FOLDER, dir_fd=above)
        except OSError:
            with suppress(FileNotFoundError):
                kind = kind_of(os.lstat(name, dir_fd=above).st_mode)
                if kind is not Kind.FOLDER:
                    raise InTheWayError(path, kind) from None
            raise

    def seen(self, path: PurePosixPath) -> Seen | None:
        """None where there is nothing, or no folder to hold it. Raises InTheWayError."""
        try:
            with self.folder(path.parent) as folder:
                return Seen.of(os.lstat(path.name, dir_fd=folder))
        except FileNotFoundError:
            return None

    def entry(self, path: PurePosixPath) -> Entry | None:
        """The same with its content's name. Raises ChangedMeanwhileError where it is just being written."""
        try:
            with self.folder(path.parent) as folder:
                seen = Seen.of(os.lstat(path.name, dir_fd=folder))
                return Entry(node=self._node(folder, path, seen), seen=seen)
        except FileNotFoundError:
            return None

    def _node(self, folder: int, path: PurePosixPath, seen: Seen) -> Node:
        mode = seen.mode & 0o777
        if seen.kind is Kind.LINK:
            target = os.readlink(path.name, dir_fd=folder)
            return Node(kind=Kind.LINK, mode=mode, blob=blob_id(os.fsencode(target)), target=target)
        if seen.kind is Kind.FILE:
            digest = sha1(b"blob %d\0" % seen.size, usedforsecurity=False)
            for chunk in self._chunks(folder, path, seen):
                digest.update(chunk)
            return Node(kind=Kind.FILE, mode=mode, size=seen.size, blob=digest.hexdigest())
        return Node(kind=seen.kind, mode=mode)

    def chunks(self, path: PurePosixPath, seen: Seen) -> Iterator[bytes]:
        """The content of the file that was `seen`. Raises ChangedMeanwhileError where it is another."""
        try:
            with self.folder(path.parent) as folder:
                yield from self._chunks(folder, path, seen)
        except FileNotFoundError:
            raise ChangedMeanwhileError(path) from None

    @staticmethod
    def _chunks(folder: int, path: PurePosixPath, seen: Seen) -> Iterator[bytes]:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path.name, flags, dir_fd=folder)
        try:
            while chunk := os.read(descriptor, _CHUNK):
                yield chunk
            if not seen.is_same(Seen.of(os.fstat(descriptor))):
                raise ChangedMeanwhileError(path)
        finally:
            os.close(descriptor)

    def touched_ns(self, path: PurePosixPath) -> int | None:
        """When something was last put into the folder `path` or taken out; None where there is none."""
        try:
            with self.folder(path) as folder:
                return os.fstat(folder).st_mtime_ns
        except (FileNotFoundError, InTheWayError):
            return None

    def touch(self, path: PurePosixPath, mtime_ns: int) -> None:
        with suppress(OSError, InTheWayError), self.folder(path) as folder:
            os.utime(folder, ns=(os.fstat(folder).st_atime_ns, mtime_ns))

    def names(self, path: PurePosixPath) -> list[str]:
        """What the folder `path` holds; nothing where there is none."""
        try:
            with self.folder(path) as folder:
                return os.listdir(folder)  # noqa: PTH208 - of a descriptor
        except FileNotFoundError:
            return []

    def is_spelled(self, path: PurePosixPath) -> bool:
        """Whether what is found at `path` has that name, and is not found for a name that is alike."""
        return not self.folds(path.parent) or path.name in self.names(path.parent)

    def folds(self, path: PurePosixPath) -> bool:
        """Whether the file system takes names for one that differ by case, in `path` or where it would be."""
        if path not in self._folding:
            self._folding[path] = self._look_whether_folds(path)
        return self._folding[path]

    def _look_whether_folds(self, path: PurePosixPath) -> bool:
        for folder in (path, *path.parents):
            with suppress(OSError, InTheWayError), self.folder(folder) as descriptor:
                with os.scandir(descriptor) as entries:
                    answer = _folds(descriptor, (entry.name for entry in entries))
                if answer is not None:
                    return answer
        root = self.root.resolve()
        twin = root.parent / root.name.swapcase()
        return twin != root and twin.exists() and twin.samefile(root)

    @staticmethod
    def link(source: str, source_folder: int, target: str, target_folder: int) -> None:
        """A second name. Raises FileExistsError; another OSError where the file system has no such thing."""
        os.link(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder, follow_symlinks=False)

    def sync(self, path: PurePosixPath) -> None:
        """Returns when what happened in the folder `path` is on the disk."""
        self.before(f"sync {path}")
        with suppress(FileNotFoundError, InTheWayError), self.folder(path) as folder:
            os.fsync(folder)


def kind_of(mode: int) -> Kind:
    """Of `st_mode`."""
    if stat.S_ISREG(mode):
        return Kind.FILE
    if stat.S_ISLNK(mode):
        return Kind.LINK
    return Kind.FOLDER if stat.S_ISDIR(mode) else Kind.OTHER


def _folds(folder: int, names: Iterable[str]) -> bool | None:
    """None where no name in `folder` can tell."""
    for name in names:
        other = name.swapcase()
        if other == name or other.swapcase() != name:
            continue
        try:
            twin = os.lstat(other, dir_fd=folder)
        except OSError:
            return False
        return os.path.samestat(twin, os.lstat(name, dir_fd=folder))
    return None
