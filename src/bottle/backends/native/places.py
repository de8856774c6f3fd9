"""Where a bottle's own things lie, and the record that lets another process find its sandbox."""

import json
import os
import re
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from attrs import asdict, evolve, frozen

from bottle.backends.native import processes, rootfs
from bottle.errors import BottleError
from bottle.paths import Paths
from bottle.proc import Command, run

KEPT = frozenset({rootfs.HOME, rootfs.WORKSPACE, rootfs.UPPER, rootfs.WORK})
"""Of a bottle's own folders, those that a kept bottle goes on with."""
_LONGEST_SOCKET_PATH = 107
_REMOVAL_SECONDS = 600.0
_IDENTITY = re.compile(r"[a-z0-9][a-z0-9-]*\Z")


@frozen(kw_only=True)
class Record:
    """What was made for a bottle; written before each thing is made, so that nothing is ever unknown.

    `uid`: the sandbox's host user, where root runs the program. `pid`, `started`: the sandbox's first
    process. `cgroups`: folders. `limits`: (RLIMIT_ name, value) for each process that enters.
    """

    uid: int | None = None
    pid: int | None = None
    started: int | None = None
    cgroups: tuple[str, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        limits = tuple((name, value) for name, value in fields.pop("limits"))
        return cls(cgroups=tuple(fields.pop("cgroups")), limits=limits, **fields)


@frozen(kw_only=True)
class Places:
    """`box`: home, workspace and /etc of the bottle. `run`: its record and sockets."""

    identity: str
    box: Path
    run: Path

    @classmethod
    def of(cls, paths: Paths, identity: str) -> Self:
        if not _IDENTITY.match(identity):
            raise BottleError(f"'{identity}' is not an identity")
        return cls(identity=identity, box=boxes(paths) / identity, run=runs(paths) / identity)

    @property
    def sidecar(self) -> Path:
        """The sidecar's own folder."""
        return self.run / "s"

    @property
    def gate(self) -> Path:
        """The git gate's own files: on the disk that holds the bottle's, since a push may be large."""
        return self.box.with_name(f"{self.identity}.gate")

    @property
    def handover(self) -> str:
        path = str(self.sidecar / "exit")
        if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
            raise BottleError(
                f"the socket path is too long: {path}", hint="set XDG_RUNTIME_DIR to a shorter path"
            )
        return path

    @property
    def scope(self) -> str:
        return scope_of(self.run.parent)

    @property
    def marker(self) -> str:
        return processes.marker(self.scope, self.identity)

    @property
    def log(self) -> Path:
        return self.run / "warden.log"

    def prepare(self) -> None:
        """Makes the private folders; none may have belonged to another user before."""
        for folder in (self.run.parent.parent, self.run.parent, self.run, self.sidecar):
            make_private(folder)
        self.box.parent.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_private(self.box.parent)
        make_private(self.box)

    def read(self) -> Record:
        """The record; an empty one where there is none yet, or it was cut off."""
        try:
            return Record.from_json(json.loads((self.run / "record.json").read_text()))
        except (FileNotFoundError, ValueError, KeyError):
            return Record()

    def update(self, **changes: Any) -> Record:
        record = evolve(self.read(), **changes)
        temporary = self.run / "record.json.new"
        temporary.write_text(json.dumps(asdict(record)))
        temporary.replace(self.run / "record.json")
        return record

    def exists(self) -> bool:
        return self.run.exists() or self.box.exists()

    def prepare_gate(self) -> None:
        make_private(self.gate)

    @property
    def owner(self) -> int | None:
        """The host user whose the home is; None where there is none yet."""
        with suppress(FileNotFoundError):
            return (self.box / rootfs.HOME).lstat().st_uid
        return None

    def suspend(self) -> None:
        """Removes all folders but those that a kept bottle goes on with."""
        remove_tree(self.gate)
        if self.box.is_dir():
            for entry in self.box.iterdir():
                if entry.name not in KEPT:
                    remove_tree(entry)
        remove_tree(self.run)

    def remove(self) -> None:
        """Removes all folders; the record last, since it knows what else there is."""
        remove_tree(self.gate)
        remove_tree(self.box)
        remove_tree(self.run)


def boxes(paths: Paths) -> Path:
    return paths.home / "native"


def mirrors(paths: Paths) -> Path:
    """Copies of git upstreams, which outlive the bottles that they were made for."""
    return paths.cache / "git"


def runs(paths: Paths) -> Path:
    return paths.runtime / "native"


def scope_of(runs_folder: Path) -> str:
    """A short name of this set of bottles, which is one for each runtime folder."""
    return sha256(os.fsencode(runs_folder)).hexdigest()[:12]


def identities(paths: Paths) -> set[str]:
    """Every identity of which a folder exists."""
    found = set()
    for parent in (boxes(paths), runs(paths)):
        if parent.is_dir():
            found |= {entry.name for entry in parent.iterdir() if _IDENTITY.match(entry.name)}
    return found


def make_private(folder: Path) -> None:
    """Makes a folder that only we may enter. Raises BottleError where someone else's stands in its place."""
    try:
        folder.mkdir(mode=0o700, parents=False)
    except FileNotFoundError:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:
        pass
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), *_handed_over(folder)}:
        raise BottleError(f"{folder} belongs to someone else", hint=f"look into it, then: rm -r {folder}")
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)


def _handed_over(folder: Path) -> set[int]:
    """A folder below a root-owned private one was given away by us, to a bottle's own user."""
    parent = folder.parent.lstat()
    safe = os.geteuid() == 0 and parent.st_uid == 0 and not stat.S_IMODE(parent.st_mode) & 0o022
    return {folder.lstat().st_uid} if safe else set()


def remove_tree(folder: Path) -> None:
    """Removes a tree that an agent may have made as awkward as it likes. Raises BottleError where it cannot.

    It may be without permissions, or deeper than a recursion of ours could follow.
    """
    if not os.path.lexists(folder):
        return
    remove = Command(argv=("rm", "-rf", "--", str(folder)), timeout=_REMOVAL_SECONDS)
    if run(remove, check=False).code:
        run(Command(argv=("chmod", "-R", "u+rwX", "--", str(folder)), timeout=_REMOVAL_SECONDS), check=False)
        run(remove)
