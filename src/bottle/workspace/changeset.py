"""What differs between a workspace as it is in a bottle now and as it was when the bottle started."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from attrs import evolve, field, frozen

from bottle.tree import Change
from bottle.workspace.comparing import Comparer, CopyComparer, OverlayComparer
from bottle.workspace.hosttree import HostTree
from bottle.workspace.origin import How, Origin
from bottle.workspace.staging import Found, Staging
from bottle_sidecar.policy.gitnames import is_git

Chooses = Callable[[PurePosixPath], bool]


@frozen(kw_only=True)
class Skipped:
    """Paths that differ and are never part of a change set, or only where they are asked for.

    `git`: git's own files, a folder of them counted once. `special`: sockets, pipes and devices. `ignored`:
    what the host's git ignores.
    """

    git: int = 0
    special: int = 0
    ignored: int = 0


@frozen(kw_only=True)
class ChangeSet:
    """The changes by path, each path once, and a folder before what is in it. False where there is none.

    What the host has already, exactly as the bottle has it, is no change. `torn`: files that the agent wrote
    to while they were read, so that their content may be half old and half new.
    """

    changes: tuple[Change, ...] = ()
    skipped: Skipped = field(factory=Skipped)
    torn: frozenset[PurePosixPath] = frozenset()

    @classmethod
    def read(
        cls,
        stream: IO[bytes],
        origin: Origin,
        into: Path,
        *,
        limit: int,
        wanted: Chooses = lambda _path: True,
        excluded: Chooses = lambda _path: False,
    ) -> "ChangeSet":
        """Takes apart what `Bottle.changes` sends. Contents are put below `into`, at most `limit` bytes.

        `wanted`: paths that are asked for; `excluded`: that were left out when the workspace came in.
        Raises BottleError for what cannot be read or is too much.
        """
        staging = Staging(stream=stream, into=into, limit=limit, wanted=wanted)
        host = HostTree(Path(origin.source))
        comparer: Comparer = (
            CopyComparer(host)
            if origin.how is How.COPY
            else OverlayComparer(host, origin.started_ns, origin.applied())
        )
        reading = _Reading(comparer, wanted, excluded)
        for found in staging.entries():
            reading.take(found)
        return reading.result()

    def without(self, ignored: Collection[PurePosixPath]) -> "ChangeSet":
        """Less these paths, and what is below them."""
        kept = tuple(change for change in self.changes if not _within(change.path, ignored))
        skipped = evolve(self.skipped, ignored=len(self.changes) - len(kept))
        return evolve(self, changes=kept, skipped=skipped)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def __bool__(self) -> bool:
        return bool(self.changes)


class _Reading:
    """Collects what is found."""

    def __init__(self, comparer: Comparer, wanted: Chooses, excluded: Chooses) -> None:
        self._comparer = comparer
        self._wanted = wanted
        self._excluded = excluded
        self._found: dict[PurePosixPath, Found] = {}
        self._special: set[PurePosixPath] = set()
        self._git = 0

    def take(self, found: Found) -> None:
        if found.git or any(map(is_git, found.path.parts)):
            self._git += 1
        elif self._excluded(found.path):
            pass
        elif found.special:
            self._special.add(found.path)
        else:
            self._found[found.path] = found

    def result(self) -> ChangeSet:
        changes = {
            change.path: change
            for change in self._comparer.changes(self._found)
            if self._wanted(change.path) and not self._excluded(change.path)
            if change.path not in self._special
        }
        torn = frozenset(path for path in changes if path in self._found and self._found[path].torn)
        skipped = Skipped(git=self._git, special=sum(map(self._wanted, self._special)))
        ordered = tuple(changes[path] for path in sorted(changes, key=lambda path: path.parts))
        return ChangeSet(changes=ordered, skipped=skipped, torn=torn)


def _within(path: PurePosixPath, folders: Collection[PurePosixPath]) -> bool:
    return path in folders or any(parent in folders for parent in path.parents)
