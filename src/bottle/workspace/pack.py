"""What stands in a tar stream for each entry of a directory, written while it is read."""

import io
import os
import stat
import sys
import tarfile
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path
from typing import IO

from attrs import define, field

from bottle.tree import Kind, Node, blob_id
from bottle.walk import GONE, Found, unreadable

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 18


@define(kw_only=True)
class Pack:
    """`written`: bytes so far. What else raises OSError than the reading raises BottleError is `sink`."""

    directory: Path
    sink: IO[bytes]
    written: int = 0
    _names: dict[tuple[int, int], tuple[str, Node]] = field(factory=dict, init=False)
    """Of files with several names: the first one."""

    def top(self) -> None:
        try:
            status = self.directory.stat()
        except OSError as error:
            raise unreadable(self.directory, error) from error
        self._header("./", tarfile.DIRTYPE, status)

    def end(self) -> None:
        self._write(bytes(2 * tarfile.BLOCKSIZE))

    @staticmethod
    def carries(found: Found) -> bool:
        mode = found.status.st_mode
        return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)

    def add(self, found: Found) -> Node | None:
        """What the copy will have; None where it vanished. Raises BottleError where it cannot be read."""
        if found.is_folder:
            self._header(f"./{found.path}/", tarfile.DIRTYPE, found.status)
            return Node(kind=Kind.FOLDER, mode=found.status.st_mode & 0o777)
        if stat.S_ISLNK(found.status.st_mode):
            return self._link(found)
        inode = (found.status.st_dev, found.status.st_ino)
        if inode in self._names:
            first, node = self._names[inode]
            self._header(f"./{found.path}", tarfile.LNKTYPE, found.status, target=first)
            return node
        try:
            descriptor = os.open(found.name, _FILE, dir_fd=found.folder)
        except OSError as error:
            if error.errno in GONE:
                return None
            raise unreadable(self.directory / found.path, error) from error
        with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            return self._file(found, file)

    def _link(self, found: Found) -> Node | None:
        try:
            target = os.readlink(found.name, dir_fd=found.folder)
        except OSError:
            return None
        self._header(f"./{found.path}", tarfile.SYMTYPE, found.status, target=target)
        content = os.fsencode(target)
        return Node(kind=Kind.LINK, size=len(content), blob=blob_id(content), target=target)

    def _file(self, found: Found, file: io.FileIO) -> Node | None:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        first = self._read(found, file, min(status.st_size, _CHUNK))
        size = status.st_size if status.st_size > _CHUNK else len(first)
        self._header(f"./{found.path}", tarfile.REGTYPE, status, size=size)
        digest = sha1(b"blob %d\0" % size, usedforsecurity=False)
        for chunk in self._chunks(found, file, first, size):
            digest.update(chunk)
            self._write(chunk)
        self._write(bytes(-size % tarfile.BLOCKSIZE))
        node = Node(kind=Kind.FILE, mode=status.st_mode & 0o777, size=size, blob=digest.hexdigest())
        if status.st_nlink > 1:
            self._names[status.st_dev, status.st_ino] = (f"./{found.path}", node)
        return node

    def _chunks(self, found: Found, file: io.FileIO, first: bytes, size: int) -> Iterator[bytes]:
        """`size` bytes in all: that many are announced, so zeros stand for an end that is gone meanwhile."""
        chunk, left = first, size
        while left:
            chunk = chunk or bytes(min(left, _CHUNK))
            yield chunk
            left -= len(chunk)
            chunk = self._read(found, file, min(left, _CHUNK)) if left else b""

    def _read(self, found: Found, file: io.FileIO, size: int) -> bytes:
        try:
            return file.read(size) or b""
        except OSError as error:
            raise unreadable(self.directory / found.path, error) from error

    def _header(
        self, name: str, kind: bytes, status: os.stat_result, *, size: int = 0, target: str = ""
    ) -> None:
        """Of no owner, without set-user-id and its like, to the second: what every tar reads."""
        entry = tarfile.TarInfo(name)
        entry.type, entry.size, entry.linkname = kind, size, target
        entry.mode, entry.mtime = status.st_mode & 0o777, int(status.st_mtime)
        self._write(entry.tobuf(tarfile.GNU_FORMAT, sys.getfilesystemencoding(), "surrogateescape"))

    def _write(self, data: bytes) -> None:
        self.sink.write(data)
        self.written += len(data)
