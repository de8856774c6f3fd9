"""What was there at the start, for each path that a bottle tells of: the two ways to know it."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Protocol

from attrs import field, frozen

from bottle.tree import Change, Kind, Node
from bottle.workspace.hosttree import HostTree
from bottle.workspace.staging import Found


class Comparer(Protocol):
    """What differs from the start, and from what the host has by now."""

    def changes(self, found: Mapping[PurePosixPath, Found]) -> Iterator[Change]: ...


@frozen
class CopyComparer:
    """A copy: what it held was noted while it was made, and comes with the entries."""

    _host: HostTree

    def changes(self, found: Mapping[PurePosixPath, Found]) -> Iterator[Change]:
        for path, entry in found.items():
            if not same(entry.new, entry.base) and not _is_there(self._host, path, entry.new):
                yield Change(path=path, base=entry.base, new=entry.new, content=entry.content)


@frozen
class OverlayComparer:
    """An overlay: below it is the host's directory, of which what changed since `started_ns` is not known.

    What was there at the start is what is there now where that has not changed: told by the time of its last
    change, which nobody can set. Where the host took over what the bottle had, it is that.
    """

    _host: HostTree
    _started_ns: int
    _applied: Mapping[PurePosixPath, Node | None] = field(factory=dict)

    def changes(self, found: Mapping[PurePosixPath, Found]) -> Iterator[Change]:
        for path, entry in found.items():
            if not _is_there(self._host, path, entry.new) and not self._is_applied(path, entry.new):
                yield self._change(entry)
            if entry.new is None or entry.new.kind is not Kind.FOLDER or entry.opaque:
                for below in self._host.below(path):
                    if below not in found and not self._is_applied(below, None):
                        yield self._change(Found(path=below))
        for path, node in self._applied.items():
            # All of it lay in the upper layer. It may leave no trace there when it goes: the lower one had
            # no such name when the sandbox began.
            if node and path not in found and self._host.status(path):
                yield self._change(Found(path=path))

    def _is_applied(self, path: PurePosixPath, new: Node | None) -> bool:
        return path in self._applied and same(self._applied[path], new)

    def _change(self, entry: Found) -> Change:
        if entry.path in self._applied:
            known, base = True, self._applied[entry.path]
        elif self._host.status(entry.path) is None:
            known, base = not (entry.origin and self._moved(entry.path)), None
        else:
            base = self._base(entry.path)
            known = base is not None
        return Change(path=entry.path, base=base, new=entry.new, base_known=known, content=entry.content)

    def _base(self, path: PurePosixPath) -> Node | None:
        """What the host has, where it had just that at the start, and still has it when it has been read."""
        if self._host.mounted(path) or not self._is_old(path):
            return None
        node = _read(self._host, path)
        return node if self._is_old(path) else None

    def _is_old(self, path: PurePosixPath) -> bool:
        status = self._host.status(path)
        return status is not None and status.st_ctime_ns <= self._started_ns

    def _moved(self, path: PurePosixPath) -> bool:
        """Something was there, for it was copied up; whether the host removed it since."""
        return self._host.above(path).st_ctime_ns > self._started_ns


def _is_there(host: HostTree, path: PurePosixPath, new: Node | None) -> bool:
    """Whether the host has it just so. A file is read only where its size allows for that."""
    status = host.status(path)
    if new is None or status is None:
        return new is None and status is None
    if new.kind is Kind.FILE and status.st_size != new.size:
        return False
    return same(_read(host, path), new)


def _read(host: HostTree, path: PurePosixPath) -> Node | None:
    try:
        return host.node(path)
    except OSError:
        return None


def same(one: Node | None, other: Node | None) -> bool:
    """Whether they are alike in what a kind is known by: links have no modes of their own."""
    if one is None or other is None or one.kind is not other.kind:
        return one is other
    if one.kind is Kind.LINK:
        return one.target == other.target
    return one.mode == other.mode and one.blob == other.blob
