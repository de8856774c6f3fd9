"""How a native sandbox shows a directory of the host's, and the layer that takes what is changed of it."""

import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from bottle.backends.native import rootfs
from bottle.plan import How, Workspace, WorkspaceMode


@frozen(kw_only=True)
class Layer:
    """Two folders in a bottle's `box`: one for all that differs from the directory, one for the kernel."""

    box: Path

    @property
    def folders(self) -> tuple[Path, Path]:
        return self.box / rootfs.UPPER, self.box / rootfs.WORK

    def make(self, workspace: Workspace) -> bool:
        """Whether it is new: one that is there already keeps what it has."""
        upper, work = self.folders
        work.mkdir(mode=0o700, exist_ok=True)
        if upper.is_dir():
            return False
        upper.mkdir(mode=0o700)
        upper.chmod(
            0o700 | stat.S_IMODE(workspace.source.stat().st_mode) & 0o777
        )  # as /workspace is to have it
        return True

    def discard(self) -> None:
        """Of one that was never used."""
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)


def ways(workspace: Workspace | None, *, owner: tuple[int, int] | None) -> Sequence[How]:
    """What to try, the best first. `owner`: the one user and group that are known inside; None for any."""
    match workspace:
        case Workspace(mode=WorkspaceMode.MOUNT):
            return (How.MOUNT,)
        case Workspace(mode=WorkspaceMode.PRIVATE) if owner is None or owner == owner_of(workspace):
            return (How.OVERLAY, How.COPY)
        case _:
            return (How.COPY,)


def owner_of(workspace: Workspace) -> tuple[int, int]:
    status = workspace.source.stat()
    return status.st_uid, status.st_gid
