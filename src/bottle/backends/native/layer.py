"""How a native sandbox shows a directory of the host's, and the layer that takes what is changed of it."""

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from attrs import frozen

from bottle.backends.base import Arrival
from bottle.backends.native import rootfs
from bottle.ignore import Ignore
from bottle.plan import How, Workspace, WorkspaceMode
from bottle.walk import walk

_REFUSED = "copied, since no layer can be put over it here"
_FOREIGN = "copied, since it belongs to another user or group than yours"
_WHITEOUT = os.makedev(0, 0)


@frozen(kw_only=True)
class Layer:
    """Two folders in a bottle's `box`: one for all that differs from the directory, one for the kernel."""

    box: Path

    @property
    def folders(self) -> tuple[Path, Path]:
        return self.box / rootfs.UPPER, self.box / rootfs.WORK

    def ways(self, workspace: Workspace | None, *, owner: tuple[int, int] | None) -> Sequence[Arrival]:
        """What to try, the best first; makes the layer where that is one.

        `owner`: the one user and group that are known inside; None for any. A copy takes the place of a
        layer that is new, never of one that holds something.
        """
        match workspace:
            case Workspace(mode=WorkspaceMode.MOUNT):
                return (Arrival(how=How.MOUNT),)
            case Workspace(mode=WorkspaceMode.PRIVATE) if owner is None or owner == owner_of(workspace):
                overlay = Arrival(how=How.OVERLAY)
                return (overlay, Arrival(note=_REFUSED)) if self.make(workspace) else (overlay,)
            case Workspace(mode=WorkspaceMode.PRIVATE):
                return (Arrival(note=_FOREIGN),)
            case _:
                return (Arrival(),)

    def make(self, workspace: Workspace) -> bool:
        """Whether it is new: one that is there already keeps what it has."""
        upper, work = self.folders
        work.mkdir(mode=0o700, exist_ok=True)
        if upper.is_dir():
            return False
        upper.mkdir(mode=0o700)
        ignore = Ignore.of(workspace.excludes)
        _hide(ignore, workspace.source, upper)
        _hide_what_may_come(ignore, workspace.source, upper)
        upper.chmod(_permissions(workspace.source))  # which /workspace will have
        return True

    def discard(self) -> None:
        """Of one that was never used."""
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)


def _hide(ignore: Ignore, source: Path, upper: Path) -> None:
    """Puts a whiteout where something stays out; looks into folders alone that may hold such."""
    for found in walk(source, ignore, enters=lambda spot: not spot.settled):
        if found.spot.excluded and (found.spot.settled or not found.is_folder):
            _whiteout(PurePosixPath(found.path), source, upper)


def _hide_what_may_come(ignore: Ignore, source: Path, upper: Path) -> None:
    """What the host makes later would show through: where its name is known, it is hidden beforehand."""
    for path in ignore.named():
        if not os.path.lexists(source / path) and all(_is_folder(source / above) for above in path.parents):
            _whiteout(path, source, upper)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _whiteout(path: PurePosixPath, source: Path, upper: Path) -> None:
    """Nothing, where one stands at `path` or above it."""
    if any(
        os.path.lexists(upper / above) and not (upper / above).is_dir() for above in (path, *path.parents)
    ):
        return
    _make_folders((upper / path).parent, like=(source / path).parent, upper=upper)
    os.mknod(upper / path, stat.S_IFCHR, _WHITEOUT)


def _make_folders(folder: Path, *, like: Path, upper: Path) -> None:
    """With those above it, and their permissions: of a folder that both layers have, the upper's count."""
    if folder == upper or folder.is_dir():
        return
    _make_folders(folder.parent, like=like.parent, upper=upper)
    folder.mkdir()
    folder.chmod(_permissions(like))


def _permissions(folder: Path) -> int:
    return 0o700 | stat.S_IMODE(folder.stat().st_mode) & 0o777


def owner_of(workspace: Workspace) -> tuple[int, int]:
    status = workspace.source.stat()
    return status.st_uid, status.st_gid
