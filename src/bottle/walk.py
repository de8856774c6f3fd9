"""A walk through a directory of the host's, which follows no link and takes nothing for granted.

Every folder is opened relative to the one above it, so that a rename in the middle leads nowhere else:
another agent may have this very directory mounted.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from attrs import field, frozen

from bottle.errors import BottleError
from bottle.ignore import Ignore, Spot

GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""What opening says of a file or folder that vanished meanwhile, or that something else took the place of."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@frozen(kw_only=True)
class Found:
    """`path`: relative to the top. `name` lies in the folder behind the descriptor `folder`."""

    path: str
    name: str
    folder: int
    status: os.stat_result = field(repr=False)
    spot: Spot = field(repr=False)

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)


@frozen
class _Level:
    path: str
    descriptor: int
    spot: Spot
    names: Iterator[str]

    @classmethod
    def of(cls, path: str, descriptor: int, spot: Spot) -> "_Level":
        try:
            return cls(path, descriptor, spot, iter(sorted(os.listdir(descriptor))))
        except BaseException:
            os.close(descriptor)
            raise


def walk(top: Path, ignore: Ignore, *, enters: Callable[[Spot], bool]) -> Iterator[Found]:
    """Everything below `top`, a folder before what is in it; only folders that `enters` says are looked into.

    What vanishes meanwhile is left out. Raises BottleError, with the place, for what cannot be read.
    """
    levels: list[_Level] = []
    with ExitStack() as stack:
        stack.callback(_close, levels)
        try:
            levels.append(_Level.of("", os.open(top, _FOLDER), ignore.top()))
        except OSError as error:
            raise unreadable(top, error) from error
        while levels:
            level = levels[-1]
            name = next(level.names, None)
            if name is None:
                os.close(levels.pop().descriptor)
                continue
            found = _found(level, name)
            if found is None:
                continue
            yield found
            if found.is_folder and enters(found.spot) and (below := _entered(top, found)):
                levels.append(below)


def _close(levels: list[_Level]) -> None:
    for level in levels:
        os.close(level.descriptor)


def _found(level: _Level, name: str) -> Found | None:
    try:
        status = os.stat(name, dir_fd=level.descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return Found(
        path=level.path + name,
        name=name,
        folder=level.descriptor,
        status=status,
        spot=level.spot.below(name),
    )


def _entered(top: Path, found: Found) -> _Level | None:
    """None where it is a folder no more."""
    try:
        descriptor = os.open(found.name, _FOLDER, dir_fd=found.folder)
        return _Level.of(f"{found.path}/", descriptor, found.spot)
    except OSError as error:
        if error.errno in GONE:
            return None
        raise unreadable(top / found.path, error) from error


def unreadable(path: Path, error: OSError) -> BottleError:
    return BottleError(
        f"it cannot be read: {error.strerror}",
        location=str(path),
        hint="name it in .bottleignore, or chmod u+r it",
    )
