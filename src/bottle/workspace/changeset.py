"""What differs between a workspace as it is in a bottle now and as it was when the bottle started."""

from collections.abc import Iterator

from attrs import field, frozen

from bottle.tree import Change


@frozen(kw_only=True)
class Skipped:
    """Paths that differ and are never part of a change set, or only where they are asked for.

    `git`: git's own files. `special`: sockets, pipes and devices. `ignored`: what the host's git ignores.
    """

    git: int = 0
    special: int = 0
    ignored: int = 0


@frozen(kw_only=True)
class ChangeSet:
    """The changes by path, each path once, and a folder before what is in it. False where there is none."""

    changes: tuple[Change, ...] = ()
    skipped: Skipped = field(factory=Skipped)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def __bool__(self) -> bool:
        return bool(self.changes)
