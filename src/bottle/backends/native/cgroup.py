"""Limits by control groups, version 1 or 2, wherever the operator may write one."""

import errno
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import field, frozen

from bottle.plan import Limits

_PERIOD = 100_000  # microseconds
_REMOVAL_SECONDS = 5.0
_MEMORY, _PIDS, _CPU = "memory", "pids", "cpu"
CONTROLLERS = (_MEMORY, _PIDS, _CPU)


@frozen(kw_only=True)
class Group:
    """One group to be made. `settings`: file name -> value, in order; `optional` ones may not exist."""

    folder: Path
    controllers: frozenset[str]
    settings: Mapping[str, str]
    optional: Mapping[str, str] = field(factory=dict)

    def make(self) -> bool:
        """False where this machine does not let us."""
        try:
            self.folder.mkdir(exist_ok=True)
            for name, value in self.settings.items():
                (self.folder / name).write_text(value)
        except OSError:
            with suppress(OSError):
                self.folder.rmdir()
            return False
        for name, value in self.optional.items():
            with suppress(OSError):
                (self.folder / name).write_text(value)
        return True


def plan(name: str, limits: Limits, *, proc: Path = Path("/proc/self")) -> Sequence[Group]:
    """The groups for a sandbox, below the ones that this process is in, so that their limits hold too."""
    own = _own_groups((proc / "cgroup").read_text())
    groups: list[Group] = []
    unified: Path | None = None
    for mount_point, kind, options in _mounts((proc / "mounts").read_text()):
        if kind == "cgroup2":
            unified = mount_point
        for controller in CONTROLLERS if kind == "cgroup" else ():
            if controller in options and controller in own:
                parent = _below(mount_point, own[controller])
                groups.append(_version_1(parent / name, controller, limits))
    if not groups and unified and "" in own:
        delegated = _delegated(unified, _below(unified, own[""]))
        groups = [_version_2(delegated / name, limits)] if delegated else []
    return groups


def possible(proc: Path = Path("/proc/self")) -> frozenset[str]:
    """What this operator can limit here: of `memory`, `pids` and `cpu`. Changes nothing."""
    groups = plan("bot-bottle", Limits(cpus=1.0, memory=1, pids=1, disk=1), proc=proc)
    writable = (group for group in groups if os.access(group.folder.parent, os.W_OK))
    return frozenset(controller for group in writable for controller in group.controllers)


def remove(folders: Sequence[str]) -> None:
    """Idempotent. Waits up to a few seconds for killed members to be gone."""
    deadline = time.monotonic() + _REMOVAL_SECONDS
    pending = [Path(folder) for folder in folders]
    while pending:
        pending = [folder for folder in pending if not _removed(folder)]
        if pending and time.monotonic() > deadline:
            return
        if pending:
            time.sleep(0.005)


def members(folders: Sequence[str]) -> set[int]:
    """The pids in these groups."""
    found: set[int] = set()
    for folder in folders:
        with suppress(OSError):
            found |= {int(line) for line in Path(folder, "cgroup.procs").read_text().split()}
    return found


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError as error:
        return error.errno != errno.EBUSY
    return True


def _own_groups(text: str) -> dict[str, str]:
    """Controller -> path; version 2 under the empty name."""
    own = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    return own


def _mounts(text: str) -> Sequence[tuple[Path, str, Sequence[str]]]:
    fields = (line.split() for line in text.splitlines())
    return [(Path(place), kind, options.split(",")) for _, place, kind, options, *_ in fields]


def _below(mount_point: Path, path: str) -> Path:
    """In a container the path may be one that its own mount does not show."""
    folder = mount_point / path.lstrip("/")
    return folder if folder.is_dir() else mount_point


def _delegated(root: Path, own: Path) -> Path | None:
    """The nearest group at or above our own that hands its controllers to children and that we may change."""
    for folder in (own, *own.parents):
        if not folder.is_relative_to(root):
            return None
        handed = folder / "cgroup.subtree_control"
        writable = os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)
        if writable and handed.is_file() and {_MEMORY, _PIDS} <= set(handed.read_text().split()):
            return folder
    return None


def _version_1(folder: Path, controller: str, limits: Limits) -> Group:
    settings = {
        _MEMORY: {"memory.limit_in_bytes": str(limits.memory)},
        _PIDS: {"pids.max": str(limits.pids)},
        _CPU: {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(int(limits.cpus * _PERIOD))},
    }[controller]
    optional = {"memory.memsw.limit_in_bytes": str(limits.memory)} if controller == _MEMORY else {}
    return Group(folder=folder, controllers=frozenset({controller}), settings=settings, optional=optional)


def _version_2(folder: Path, limits: Limits) -> Group:
    return Group(
        folder=folder,
        controllers=frozenset(CONTROLLERS),
        settings={"memory.max": str(limits.memory), "pids.max": str(limits.pids)},
        optional={"memory.swap.max": "0", "cpu.max": f"{int(limits.cpus * _PERIOD)} {_PERIOD}"},
    )
