"""What an apply would do to a directory of the host: judged path by path, before anything is written."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from attrs import field, frozen

from bottle.tree import Change, Kind
from bottle.workspace import autorun, names
from bottle.workspace.directory import ChangedMeanwhileError, Directory, Entry, InTheWayError, Seen
from bottle.workspace.merge import Outcome, Reason, Side, Tracked, three_way
from bottle.workspace.pieces import Pieces, RefusedError
from bottle.workspace.stage import Piece
from bottle.workspace.transaction import Exchange


@frozen(kw_only=True)
class Conflict:
    """A path that cannot be taken over. `detail`: what else there is to know."""

    path: PurePosixPath
    reason: Reason
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason.value}" + (f" ({self.detail})" if self.detail else "")


@frozen(kw_only=True)
class Plan:
    """`exchanges` in the order in which they can be done; none where there is a conflict.

    `merged`: where both sides' lines come together. `alike`: pairs of paths that differ by case or
    composition alone, and would be one on another machine.
    """

    exchanges: tuple[Exchange, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    merged: frozenset[PurePosixPath] = frozenset()
    alike: tuple[tuple[PurePosixPath, PurePosixPath], ...] = ()

    def running(self) -> dict[PurePosixPath, str]:
        """What runs by itself on the host once it is there, and how."""
        coming = (exchange for exchange in self.exchanges if exchange.new)
        files = sorted(each.path for each in coming if each.new and each.new.kind is not Kind.FOLDER)
        reasons = {path: autorun.why(path) for path in files}
        return {path: reason for path, reason in reasons.items() if reason}


@frozen
class Planner:
    """Of one plan for one directory."""

    tree: Directory
    pieces: Pieces
    _changes: dict[PurePosixPath, Change] = field(factory=dict, init=False)
    _leaving: dict[PurePosixPath, Seen] = field(factory=dict, init=False)
    _emptied: dict[PurePosixPath, Seen] = field(factory=dict, init=False)
    _coming: dict[PurePosixPath, Piece] = field(factory=dict, init=False)
    _merged: set[PurePosixPath] = field(factory=set, init=False)
    _conflicts: dict[PurePosixPath, Conflict] = field(factory=dict, init=False)

    def plan(self, changes: Iterable[Change], *, unsettled: Collection[PurePosixPath] = ()) -> Plan:
        """`unsettled`: paths whose content was being written as it was read."""
        for path in unsettled:
            self._refuse(path, Reason.UNSETTLED)
        self._changes.update({change.path: change for change in changes})
        for change in self._changes.values():
            with self._noting(change.path):
                self._judge(change)
        for path in sorted(self._emptied, key=lambda path: -len(path.parts)):
            with self._noting(path):
                self._empty(path)
        for path in list(self._coming):
            with self._noting(path):
                self._need_folders(path)
        for path in sorted({*self._coming, *self._leaving}):
            with self._noting(path):
                self._need_root_s_disk(path)
        alike = tuple(self._alike())
        if self._conflicts:
            return Plan(
                conflicts=tuple(self._conflicts[path] for path in sorted(self._conflicts)), alike=alike
            )
        return Plan(exchanges=tuple(self._in_order()), merged=frozenset(self._merged), alike=alike)

    @contextmanager
    def _noting(self, path: PurePosixPath) -> Iterator[None]:
        try:
            yield
        except RefusedError as refused:
            self._refuse(path, refused.reason, refused.detail)
        except ChangedMeanwhileError:
            self._refuse(path, Reason.CHANGED)
        except InTheWayError as error:
            self._refuse(path, _in_the_way(error.kind), f"{error.path} is a {error.kind.value} on the host")
        except OSError as error:
            self._refuse(path, Reason.DENIED, error.strerror or "")

    def _refuse(self, path: PurePosixPath, reason: Reason, detail: str = "") -> None:
        self._conflicts.setdefault(path, Conflict(path=path, reason=reason, detail=detail))

    def _judge(self, change: Change) -> None:
        if names.refused(change.path):
            raise RefusedError(Reason.NAME)
        if change.new and change.new.kind is Kind.OTHER:
            raise RefusedError(Reason.SPECIAL)
        host = self._host(change)
        bottle, at_host = Tracked.of(change.new), Tracked.of(host.node if host else None)
        if not change.base_known:
            self._judge_unknown(change, host)
            return
        outcome = three_way(Tracked.of(change.base), bottle, at_host)
        if isinstance(outcome, Reason):
            raise RefusedError(Reason.CLASH if host and host.node.kind is Kind.FOLDER else outcome)
        stays = outcome.side is Side.HOST and outcome.executable == bool(at_host and at_host.executable)
        if stays:
            self._judge_folder(change, host)
        else:
            self._take(change, outcome, host)

    @staticmethod
    def _judge_unknown(change: Change, host: Entry | None) -> None:
        """What was there at the start cannot be told: only what comes to the same anyway is no conflict."""
        ours = host.node if host else None
        if _is_folder(change.new) and (ours is None or _is_folder(ours)):
            return
        if Tracked.of(change.new) != Tracked.of(ours) or _is_folder(ours):
            raise RefusedError(Reason.UNKNOWN_BASE)

    def _host(self, change: Change) -> Entry | None:
        """What is at the path. Behind a link or file there is nothing, which will do where nothing comes."""
        try:
            found = self.tree.entry(change.path)
        except InTheWayError as error:
            above = self._changes.get(error.path)
            becomes_folder = above and _is_folder(above.new) and not _is_folder(above.base)
            is_new_folder = _is_folder(change.new) and not _is_folder(change.base)
            nothing_comes = Tracked.of(change.new) in {Tracked.of(change.base), None} and not is_new_folder
            if becomes_folder or nothing_comes:
                return None
            raise
        return found if found and self.tree.is_spelled(change.path) else None

    def _judge_folder(self, change: Change, host: Entry | None) -> None:
        """The host's content stays; a folder may have to be made or to go."""
        if _is_folder(change.new) and not _is_folder(change.base):
            if host is None:
                assert change.new
                self._coming[change.path] = self.pieces.folder(change.new.mode)
            elif host.node.kind is not Kind.FOLDER:
                raise RefusedError(_in_the_way(host.node.kind))
        elif change.new is None and _is_folder(change.base) and host and host.node.kind is Kind.FOLDER:
            self._emptied[change.path] = host.seen

    def _take(self, change: Change, outcome: Outcome, host: Entry | None) -> None:
        if host and host.node.kind is Kind.OTHER:
            raise RefusedError(Reason.SPECIAL)
        if change.new and change.new.kind is Kind.FOLDER:
            self._coming[change.path] = self.pieces.folder(change.new.mode)
        elif change.new:
            piece = self.pieces.of(change, outcome, host)
            if piece is None:
                return
            self._coming[change.path] = piece
            if outcome.side is Side.MERGED:
                self._merged.add(change.path)
        if host:
            going = self._emptied if host.node.kind is Kind.FOLDER else self._leaving
            going[change.path] = host.seen

    def _empty(self, path: PurePosixPath) -> None:
        """A folder goes where all goes that is in it; else it stays, as git's do, unless it is replaced."""
        stays = [name for name in self.tree.names(path) if not self._goes(path / name)]
        if not stays:
            self._leaving[path] = self._emptied[path]
        elif path in self._coming:
            raise RefusedError(Reason.CLASH, f"the host has {path / min(stays)}")

    def _goes(self, path: PurePosixPath) -> bool:
        return path in self._leaving and path not in self._coming

    def _need_folders(self, path: PurePosixPath) -> None:
        """Those above `path` are made where the host has none."""
        for above in reversed(path.parents[:-1]):
            if above in self._coming:
                if self._coming[above].kind is not Kind.FOLDER:
                    raise RefusedError(Reason.CLASH, f"{above} is no folder in the bottle")
            else:
                self._need_folder(above)

    def _need_root_s_disk(self, path: PurePosixPath) -> None:
        """Nothing can be exchanged with the stage from elsewhere."""
        for found in (self._leaving.get(path), self._seen(path.parent)):
            if found and found.device != self.tree.device:
                raise RefusedError(Reason.OTHER_DISK)

    def _need_folder(self, path: PurePosixPath) -> None:
        seen = self._seen(path)
        if path in self._leaving:
            raise RefusedError(Reason.CLASH, f"{path} is no folder in the bottle")
        if seen is None:
            self._coming[path] = self.pieces.folder()
        elif seen.kind is not Kind.FOLDER:
            raise RefusedError(_in_the_way(seen.kind), f"{path} is a {seen.kind.value} on the host")

    def _seen(self, path: PurePosixPath) -> Seen | None:
        if not path.parts:
            return None
        try:
            return self.tree.seen(path)
        except InTheWayError as error:
            if error.path in self._coming:
                return None
            raise

    def _alike(self) -> Iterator[tuple[PurePosixPath, PurePosixPath]]:
        new = defaultdict(set)
        for path in sorted(self._coming.keys() - self._leaving.keys()):
            new[path.parent].add(path.name)
        for folder, new_names in new.items():
            there = new_names | self._names_left(folder)
            for name in sorted(new_names):
                twins = sorted(
                    twin for twin in there if twin != name and names.folded(twin) == names.folded(name)
                )
                if twins and self.tree.folds(folder):
                    self._refuse(folder / name, Reason.CASE, twins[0])
                elif twins:
                    yield folder / name, folder / twins[0]

    def _names_left(self, folder: PurePosixPath) -> set[str]:
        """What is in a folder of the host and stays."""
        try:
            return {name for name in self.tree.names(folder) if not self._goes(folder / name)}
        except (InTheWayError, OSError):
            return set()

    def _in_order(self) -> Iterator[Exchange]:
        """What goes, from the depth up; then what comes, from the root down."""
        going = (path for path, seen in self._leaving.items() if seen.kind is Kind.FOLDER or self._goes(path))
        for path in sorted(going, key=lambda path: (-len(path.parts), path)):
            yield Exchange(path=path, old=self._leaving[path])
        for path, piece in sorted(self._coming.items()):
            old = self._leaving.get(path)
            yield Exchange(path=path, old=None if old and old.kind is Kind.FOLDER else old, new=piece)


def _is_folder(node: object) -> bool:
    return getattr(node, "kind", None) is Kind.FOLDER


def _in_the_way(kind: Kind) -> Reason:
    match kind:
        case Kind.LINK:
            return Reason.LINK_IN_THE_WAY
        case Kind.OTHER:
            return Reason.SPECIAL
        case _:
            return Reason.CLASH
