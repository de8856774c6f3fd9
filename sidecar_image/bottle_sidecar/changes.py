"""What changed in a bottle's workspace, as one stream: names, kinds, modes and contents.

    python -m bottle_sidecar.changes overlay FOLDER 0
    python -m bottle_sidecar.changes copy FOLDER STAMP <base.gz

`overlay`: FOLDER is the upper layer of an overlay; all that is in it is told, and what its whiteouts hide.
`copy`: told is what differs from the base on the standard input, gzipped JSON lines, one for each path; STAMP
is when the copy was whole, in nanoseconds: what has not changed since is not read.

Standard library only: this runs on the host, too. Nothing in FOLDER is trusted, and it may change meanwhile.
No link is followed and no mount crossed; every entry is opened relative to the folder above it, so that a
rename in the middle leads nowhere else.

The stream is lines of JSON. `{"path": …, "kind": "file", "mode": …, "size": …, "data": [[OFFSET, LENGTH]]}`
is followed by that data (the rest of the file is holes), and by `whole` or, where the file changed while it
was read, `torn`. `kind` is "link" (`target`), "folder", "gone", "other" (socket, pipe, device) or "git" (what
is git's own, and not looked into). Of a copy, `base`: what it held there. In an overlay, `origin`: was copied
up from below; `opaque`: hides what is below. `{"error": …}` ends a stream that cannot be finished,
`{"end": true}` one that was.
"""

import ctypes
import errno
import gzip
import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha1
from typing import IO, Any

from bottle_sidecar import hardening
from bottle_sidecar.policy.gitnames import is_git

DEEPEST = 400
"""Folders within each other. Each takes two descriptors of ours; a bottle's disk is not measured deeper."""
MOST_EXTENTS = 1000
_TRIES = 3
_SLACK = 50_000_000
"""Nanoseconds that a file's time may lag behind the clock that STAMP was read from."""
_CHUNK = 1 << 20
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FOLDER = _FILE | os.O_DIRECTORY
_SWAPPED = frozenset({errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.ENXIO})
_XATTR = "user.overlay."
_CLONE_NEWUSER = 0x10000000

Fields = dict[str, Any]


class ScanError(Exception):
    """A tree that cannot be told of."""


class _Open:
    """A folder that is being read. `fresh`: changed since the copy; `moved`: perhaps renamed since."""

    def __init__(self, descriptor: int, path: str, *, fresh: bool = False, moved: bool = False) -> None:
        self.descriptor = descriptor
        self.path = path
        self.fresh = fresh
        self.moved = moved
        self._names = iter(os.listdir(descriptor))

    def next(self) -> str | None:
        return next(self._names, None)

    def join(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name

    def close(self) -> None:
        os.close(self.descriptor)


class Base:
    """What the copy held at the start, less what has been met."""

    def __init__(self, nodes: dict[str, Fields]) -> None:
        self._nodes = nodes

    @classmethod
    def read(cls, stream: IO[bytes]) -> "Base":
        with gzip.open(stream, "rt", encoding="ascii") as lines:
            found = (json.loads(line) for line in lines)
            return cls({node.pop("path"): node for node in found if not _of_git(node["path"])})

    def get(self, path: str) -> Fields | None:
        return self._nodes.get(path)

    def met(self, path: str) -> None:
        self._nodes.pop(path, None)

    def rest(self) -> Iterator[str]:
        return iter(self._nodes)


def _of_git(path: str) -> bool:
    return any(map(is_git, path.split("/")))


class Scan:
    """`base` None: the folder is an overlay's upper layer."""

    def __init__(self, out: IO[bytes], base: Base | None, stamp: int) -> None:
        self._out = out
        self._base = base
        self._stamp = stamp - _SLACK
        self._device = 0

    def run(self, folder: str) -> None:
        """Writes the whole stream. Raises ScanError and OSError."""
        levels = [_Open(os.open(folder, _FOLDER), "", fresh=True)]
        try:
            status = os.fstat(levels[0].descriptor)
            self._device, levels[0].fresh = status.st_dev, status.st_ctime_ns > self._stamp
            while levels:
                name = levels[-1].next()
                if name is None:
                    levels.pop().close()
                elif below := self._entry(levels[-1], name):
                    levels.append(below)
                    if len(levels) > DEEPEST:
                        raise ScanError(f"folders are nested more than {DEEPEST} deep")
        finally:
            for level in levels:
                level.close()
        for path in self._base.rest() if self._base else ():
            self._tell(path, "gone")
        self._line({"end": True})
        self._out.flush()

    def _entry(self, parent: _Open, name: str) -> _Open | None:
        """Tells of one entry; returns a folder to go on with. What is swapped meanwhile is seen again."""
        for _ in range(_TRIES):
            try:
                status = os.lstat(name, dir_fd=parent.descriptor)
                below = self._look(parent, name, status)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno not in _SWAPPED:
                    raise ScanError(f"{parent.join(name)!r} cannot be read: {error.strerror}") from error
            else:
                if self._base:
                    self._base.met(parent.join(name))
                return below
        raise ScanError(f"{parent.join(name)!r} changes too fast to be read")

    def _look(self, parent: _Open, name: str, status: os.stat_result) -> _Open | None:
        path = parent.join(name)
        fresh = self._base is None or status.st_ctime_ns > self._stamp
        if is_git(name):
            if fresh:
                self._tell(path, "git")
        elif stat.S_ISREG(status.st_mode):
            self._file(parent, name, status, changed=fresh or parent.moved)
        elif stat.S_ISDIR(status.st_mode) and status.st_dev == self._device:
            return self._folder(parent, name, status, fresh=fresh)
        elif stat.S_ISLNK(status.st_mode):
            target = os.readlink(name, dir_fd=parent.descriptor)
            if self._differs(path, {"kind": "link", "target": target}):
                self._tell(path, "link", target=target)
        elif self._base is None and stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            self._tell(path, "gone")
        elif self._differs(path, {"kind": "other"}):
            self._tell(path, "other")
        return None

    def _folder(self, parent: _Open, name: str, status: os.stat_result, *, fresh: bool) -> _Open:
        path, mode = parent.join(name), status.st_mode & 0o777
        descriptor = _reopened(parent, name, _FOLDER, status)
        try:
            marks = self._marks(descriptor, path)
            if self._differs(path, {"kind": "folder", "mode": mode}):
                self._tell(path, "folder", mode=mode, **marks)
            # A rename changes the folder above and the folder itself, and nothing further down.
            moved = parent.moved or (fresh and parent.fresh)
            return _Open(descriptor, path, fresh=fresh, moved=moved)
        except BaseException:
            os.close(descriptor)
            raise

    def _file(self, parent: _Open, name: str, status: os.stat_result, *, changed: bool) -> None:
        path, mode = parent.join(name), status.st_mode & 0o777
        shape = {"kind": "file", "mode": mode, "size": status.st_size}
        known = self._base.get(path) if self._base else None
        alike = known is not None and _same(known, shape)
        if alike and not changed:
            return
        descriptor = _reopened(parent, name, _FILE, status)
        try:
            marks = self._marks(descriptor, path)
            if marks.pop("whiteout", False):
                self._tell(path, "gone")
            elif not (alike and known and known.get("blob") == _blob(descriptor, status.st_size)):
                self._content(descriptor, {"path": path, **shape, **marks})
        finally:
            os.close(descriptor)

    def _differs(self, path: str, shape: Mapping[str, Any]) -> bool:
        known = self._base.get(path) if self._base else None
        return known is None or not _same(known, shape)

    def _marks(self, descriptor: int, path: str) -> Fields:
        """What an overlay has noted about an entry of its upper layer."""
        if self._base is not None:
            return {}
        try:
            names = os.listxattr(descriptor)
        except OSError as error:
            if error.errno == errno.ENOTSUP:
                return {}
            raise
        found = {name.removeprefix(_XATTR) for name in names if name.startswith(_XATTR)}
        if found & {"redirect", "metacopy"}:
            raise ScanError(f"{path!r} has its content elsewhere in the overlay")
        marks: Fields = {name: True for name in ("origin", "whiteout") if name in found}
        if "opaque" in found and os.getxattr(descriptor, f"{_XATTR}opaque") == b"y":
            marks["opaque"] = True
        return marks

    def _content(self, descriptor: int, fields: Fields) -> None:
        before = os.fstat(descriptor)
        size = fields["size"] = before.st_size
        fields["data"] = list(extents(descriptor, size))
        self._entry_line(fields)
        whole = True
        for offset, length in fields["data"]:
            whole &= self._copy(descriptor, offset, length)
        after = os.fstat(descriptor)
        whole &= _times(before) == _times(after)
        self._out.write(b"whole\n" if whole else b"torn\n")

    def _copy(self, descriptor: int, offset: int, length: int) -> bool:
        """Writes exactly `length` bytes, zeros where the file has become shorter; False then."""
        end = offset + length
        while offset < end:
            chunk = os.pread(descriptor, min(_CHUNK, end - offset), offset)
            if not chunk:
                break
            self._out.write(chunk)
            offset += len(chunk)
        complete = offset == end
        while offset < end:
            zeros = bytes(min(_CHUNK, end - offset))
            self._out.write(zeros)
            offset += len(zeros)
        return complete

    def _tell(self, path: str, kind: str, **fields: Any) -> None:
        self._entry_line({"path": path, "kind": kind, **fields})

    def _entry_line(self, fields: Mapping[str, Any]) -> None:
        known = self._base.get(fields["path"]) if self._base else None
        self._line({**fields, "base": known} if known else fields)

    def _line(self, fields: Mapping[str, Any]) -> None:
        self._out.write(json.dumps(fields).encode("ascii") + b"\n")


def _reopened(parent: _Open, name: str, flags: int, seen: os.stat_result) -> int:
    """A descriptor of the very entry that was seen. Raises FileNotFoundError's like where it is another."""
    descriptor = os.open(name, flags, dir_fd=parent.descriptor)
    found = os.fstat(descriptor)
    if (found.st_dev, found.st_ino, found.st_mode) == (seen.st_dev, seen.st_ino, seen.st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.ENXIO, "swapped", name)


def _same(known: Mapping[str, Any], shape: Mapping[str, Any]) -> bool:
    """As base lines leave out what is zero or empty."""
    return all((known.get(key) or 0) == (value or 0) for key, value in shape.items())


def _times(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _blob(descriptor: int, size: int) -> str:
    """Git's name of a file's content; of another than any where its length is not `size` any more."""
    digest = sha1(b"blob %d\0" % size, usedforsecurity=False)
    offset = 0
    while chunk := os.pread(descriptor, _CHUNK, offset):
        digest.update(chunk)
        offset += len(chunk)
    return digest.hexdigest() if offset == size else ""


def extents(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Where a file holds data, (offset, length); past a number of them, all of the rest."""
    end = 0
    for _ in range(MOST_EXTENTS):
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = min(os.lseek(descriptor, start, os.SEEK_HOLE), size)
        if start >= end:
            return
        yield start, end - start
    if end < size:
        yield end, size - end


def see_all() -> None:
    """Lets this process read what modes forbid, in its own user's files, and takes all else from it."""
    if os.geteuid() != 0:
        _own_namespace()
    with suppress(OSError):
        hardening.keep_capability(hardening.CAP_DAC_READ_SEARCH)


def _own_namespace() -> None:
    """Where the kernel refuses it, files without permissions stay closed, and the scan says so."""
    uid, gid = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER):
        return
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(text)


def main(arguments: Sequence[str], base: IO[bytes], out: IO[bytes]) -> int:
    mode, folder, stamp = arguments
    see_all()
    try:
        Scan(out, Base.read(base) if mode == "copy" else None, int(stamp)).run(folder)
    except BrokenPipeError:
        return 1
    except (ScanError, OSError, EOFError, ValueError) as error:
        out.write(json.dumps({"error": str(error)}).encode("ascii") + b"\n")
        out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer))
