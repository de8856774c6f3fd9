"""The operator's own directory, looked at entry by entry; no link in it is followed."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha1
from pathlib import Path, PurePosixPath
from typing import IO

from attrs import field, frozen

from bottle.tree import Kind, Node, blob_id
from bottle_sidecar.policy.gitnames import is_git

_CHUNK = 1 << 20
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(rb"\\([0-7]{3})")
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@frozen
class HostTree:
    """`root`: the directory. Paths are relative to it."""

    root: Path
    mounts: frozenset[PurePosixPath] = field(init=False, repr=False, eq=False)
    """Where other file systems are mounted below it: an overlay does not show what is in them."""
    _folders: dict[PurePosixPath, bool] = field(factory=dict, init=False, repr=False, eq=False)

    @mounts.default
    def _(self) -> frozenset[PurePosixPath]:
        return frozenset(_mounts_below(self.root))

    def mounted(self, path: PurePosixPath) -> bool:
        """Whether `path` is of another file system, or is where one begins."""
        return path in self.mounts or any(parent in self.mounts for parent in path.parents)

    def status(self, path: PurePosixPath) -> os.stat_result | None:
        """None where nothing is there, or the way to it leads through something other than folders."""
        if not self._is_folder(path.parent):
            return None
        try:
            return os.lstat(self.root / path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def node(self, path: PurePosixPath) -> Node | None:
        """What is there now; a file's content is read for it. Raises OSError where it cannot be."""
        status = self.status(path)
        if status is None:
            return None
        mode = status.st_mode & 0o777
        if stat.S_ISDIR(status.st_mode):
            return Node(kind=Kind.FOLDER, mode=mode)
        if stat.S_ISLNK(status.st_mode):
            target = self.target(path)
            return Node(kind=Kind.LINK, target=target, blob=blob_id(os.fsencode(target)))
        if not stat.S_ISREG(status.st_mode):
            return Node(kind=Kind.OTHER, mode=mode)
        with self.open(path) as file:
            return Node(kind=Kind.FILE, mode=mode, size=status.st_size, blob=blob_of(file, status.st_size))

    def target(self, path: PurePosixPath) -> str:
        """Where a link leads. Raises OSError where it is none (any more)."""
        return os.fspath((self.root / path).readlink())

    @contextmanager
    def open(self, path: PurePosixPath) -> Iterator[IO[bytes]]:
        """A file's content. Raises OSError where it is no file (any more)."""
        descriptor = os.open(self.root / path, _OPEN)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"{path} is no file")
            with open(descriptor, "rb", closefd=False) as file:
                yield file
        finally:
            os.close(descriptor)

    def above(self, path: PurePosixPath) -> os.stat_result:
        """The nearest folder on the way to `path` that is there."""
        for parent in path.parents:
            if self._is_folder(parent):
                break
        return os.lstat(self.root / parent)

    def below(self, folder: PurePosixPath) -> Iterator[PurePosixPath]:
        """All that is in a folder, at any depth, less what is git's or mounted; nothing where it is none."""
        waiting = [folder] if self._is_folder(folder) and not self.mounted(folder) else []
        while waiting:
            current = waiting.pop()
            with os.scandir(self.root / current) as entries:
                for entry in entries:
                    if not is_git(entry.name):
                        yield current / entry.name
                        inner = current / entry.name not in self.mounts
                        if inner and entry.is_dir(follow_symlinks=False):
                            waiting.append(current / entry.name)

    def _is_folder(self, path: PurePosixPath) -> bool:
        """Of the root it is taken for granted."""
        if path == PurePosixPath():
            return True
        if path not in self._folders:
            self._folders[path] = self._is_folder(path.parent) and _is_directory(self.root / path)
        return self._folders[path]


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _mounts_below(root: Path) -> Iterator[PurePosixPath]:
    """Nothing on a machine that does not tell."""
    with suppress(FileNotFoundError), _MOUNTS.open("rb") as lines:
        for line in lines:
            place = Path(os.fsdecode(_ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), line.split()[4])))
            if place != root and place.is_relative_to(root):
                yield PurePosixPath(place.relative_to(root))


def blob_of(file: IO[bytes], size: int) -> str:
    """Git's name of a file's content, read to its end; empty where that is not `size` bytes."""
    digest = sha1(b"blob %d\0" % size, usedforsecurity=False)
    count = 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        count += len(chunk)
    return digest.hexdigest() if count == size else ""
