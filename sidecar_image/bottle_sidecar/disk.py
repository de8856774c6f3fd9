"""How much of a disk a bottle holds: its folders are walked again and again, and nothing in them is trusted.

Standard library only: on an engine this runs beside the sidecar, on a native host in the sandbox's warden.

No link is followed and no mount crossed; every folder is opened relative to the one above it, so that a
rename in the middle leads nowhere else. Nothing is remembered of what was seen: the memory that a walk takes
does not grow with the tree.
"""

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

SMALLEST = 4096
"""Bytes that anything with a name counts at least: an empty file takes an inode, of which a disk has few."""
DEEPEST = 400
"""Folders within each other. Each takes two descriptors of ours; no build nests as deep."""
_BLOCK = 512
_IN_ONE_GO = 4 << 30  # bytes a second; faster than what disks take
_SHORTEST, _LONGEST = 1.0, 60.0  # seconds between walks
_SHORTEST_LOOK, _LONGEST_LOOK = 0.1, 1.0
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class TooDeepError(Exception):
    """A tree is nested deeper than can be measured."""


class Meter:
    """What `folders` hold on their disks, what `memory` file systems hold, and what `others` tell of.

    A folder is a path, or a descriptor of one. Counting ends early once it is past `limit`, in bytes.
    """

    def __init__(
        self,
        folders: Sequence[str | int],
        *,
        limit: int,
        memory: Sequence[str] = (),
        others: Callable[[], Iterable[float]] = tuple,
    ) -> None:
        self._limit = limit
        self._folders = folders
        self._memory = memory
        self._others = others

    def used(self) -> int:
        """Bytes; at least those past the limit where there are more. Raises TooDeepError."""
        total = 0.0
        for size in self._sizes():
            total += size
            if total > self._limit:
                break
        return int(total)

    def free(self) -> int:
        """Bytes that are left on the folders' disks, for whomever."""
        found = {}
        for folder in self._folders:
            disk = os.statvfs(folder)
            found[disk.f_fsid] = disk.f_bfree * disk.f_frsize
        return sum(found.values())

    def _sizes(self) -> Iterator[float]:
        for system in self._memory:
            disk = os.statvfs(system)
            yield (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        for folder in self._folders:
            yield from _tree(folder)
        yield from self._others()


class _Level:
    """A folder that is being read."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        try:
            self._entries = os.scandir(descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def next(self) -> "os.DirEntry[str] | None":
        """None at the end, also where the folder is gone."""
        try:
            return next(self._entries, None)
        except OSError:
            return None

    def folder(self, name: str, device: int) -> "_Level | None":
        """None where it is one no more, is on another disk, or is not for us."""
        try:
            descriptor = os.open(name, _OPEN, dir_fd=self.descriptor)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return None
        if os.fstat(descriptor).st_dev != device:
            os.close(descriptor)
            return None
        return _Level(descriptor)

    def close(self) -> None:
        self._entries.close()
        os.close(self.descriptor)


def _tree(folder: str | int) -> Iterator[float]:
    top = os.open(".", _OPEN, dir_fd=folder) if isinstance(folder, int) else os.open(folder, _OPEN)
    levels = [_Level(top)]
    device = os.fstat(levels[0].descriptor).st_dev
    try:
        while levels:
            entry = levels[-1].next()
            if entry is None:
                levels.pop().close()
                continue
            with suppress(FileNotFoundError, PermissionError):
                yield share(entry.stat(follow_symlinks=False))
            below = levels[-1].folder(entry.name, device) if entry.is_dir(follow_symlinks=False) else None
            if below:
                levels.append(below)
                if len(levels) > DEEPEST:
                    raise TooDeepError(f"folders are nested more than {DEEPEST} deep")
    finally:
        for level in levels:
            level.close()


def share(status: os.stat_result) -> float:
    """What one name counts: a file with several is counted in parts, of which the names make a whole."""
    size = max(status.st_blocks * _BLOCK, SMALLEST)
    return size if stat.S_ISDIR(status.st_mode) else size / max(status.st_nlink, 1)


def watch(meter: Meter, limit: int, pause: Callable[[float], bool]) -> int | None:
    """Returns the bytes that were found once they are more than `limit`; None where `pause` says so.

    `pause` waits for that many seconds and says whether to go on. Between two walks passes ten times what
    a walk took, unless the disk loses so much meanwhile that the bottle may be past its limit.
    """
    while True:
        begun = time.monotonic()
        used = meter.used()
        if used > limit:
            return used
        if not _rest(meter, limit - used, time.monotonic() - begun, pause):
            return None


def _rest(meter: Meter, room: int, took: float, pause: Callable[[float], bool]) -> bool:
    begun, free = time.monotonic(), meter.free()
    due = begun + min(max(10 * took, _SHORTEST), _LONGEST)
    look = min(max(room / _IN_ONE_GO, _SHORTEST_LOOK), _LONGEST_LOOK)
    while (left := due - time.monotonic()) > 0:
        if not pause(min(left, look)):
            return False
        if free - meter.free() > room / 2 and time.monotonic() > begun + 2 * took:
            break
    return True
