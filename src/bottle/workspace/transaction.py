"""Many paths exchanged as one: all of them, or none, however it ends."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from attrs import evolve, field, frozen

from bottle.errors import BottleError, InterruptedByUser
from bottle.workspace.directory import ChangedMeanwhileError, Directory, InTheWayError, Seen
from bottle.workspace.journal import PATIENCE, Journal, Journals, Record
from bottle.workspace.names import STAGE_PREFIX
from bottle.workspace.stage import Piece, Stage, Step


@frozen(kw_only=True)
class Exchange:
    """What is to happen at `path`: the entry that is there goes, and `new` comes."""

    path: PurePosixPath
    old: Seen | None = None
    new: Piece | None = None


@frozen(kw_only=True)
class Transactions:
    """Exchanges in directories of the host. `folder` holds the journals."""

    folder: Path
    patience: float = PATIENCE

    def run(
        self,
        tree: Directory,
        name: str,
        exchanges: Sequence[Exchange],
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        """In this order. `interrupted` is asked between steps.

        Raises ChangedMeanwhileError, OSError, InterruptedByUser: then nothing has changed. And BottleError
        where another transaction in the directory does not end.
        """
        journals = Journals(self.folder)
        with journals.opened(journals.path(tree.root), self.patience) as journal:
            _Ended(journal=journal, before=tree.before, root=tree.root).settle()
            stage = Stage(tree, STAGE_PREFIX + name)
            times = _times(tree, exchanges)
            journal.begin(tree.root.resolve(), stage.name, times)
            try:
                stage.make()
            except FileExistsError:
                journal.remove()
                raise BottleError(
                    f"{tree.root / stage.name} is there already", hint="remove it, unless another apply runs"
                ) from None
            with stage:
                _Running(stage=stage, journal=journal, interrupted=interrupted, times=times).run(exchanges)

    def recover(self, root: Path | None = None, before: Callable[[str], None] = lambda _name: None) -> None:
        """Ends what a process that died had begun, here or elsewhere. What still runs is left alone.

        Raises BottleError where this cannot be done in `root`; other directories can wait.
        """
        journals = Journals(self.folder)
        here = journals.path(root) if root else None
        for path in journals.unfinished():
            try:
                with journals.opened(path, self.patience if path == here else 0) as journal:
                    _Ended(journal=journal, before=before).settle()
                    journal.remove()
            except BottleError:
                if path == here:
                    raise


def _times(tree: Directory, exchanges: Sequence[Exchange]) -> dict[str, int]:
    folders = {str(exchange.path.parent) for exchange in exchanges} | {"."}
    found = {folder: tree.touched_ns(PurePosixPath(folder)) for folder in sorted(folders)}
    return {folder: time for folder, time in found.items() if time is not None}


@frozen(kw_only=True)
class _Running:
    """One transaction that is on record as begun, with its stage made."""

    stage: Stage
    journal: Journal
    interrupted: Callable[[], bool]
    times: dict[str, int]

    @property
    def tree(self) -> Directory:
        return self.stage.tree

    def run(self, exchanges: Sequence[Exchange]) -> None:
        steps: tuple[Step, ...] = ()
        try:
            self.stage.hide()
            steps = tuple(self._staged(number, exchange) for number, exchange in enumerate(exchanges))
            self.stage.sync()
            self.tree.before("journal steps")
            self.journal.plan(steps)
            self._exchange(steps)
            self.tree.before("journal end")
            self.journal.end()
        except BaseException:
            if self.journal.read().done:
                raise  # it could not be taken back: the next command tidies up
            problem = _undone(self.stage, steps, self.times)
            self.tree.before("remove journal")
            self.journal.remove()
            if problem:
                raise problem from None
            raise
        with suppress(OSError):  # else whoever comes next tidies up
            self.stage.remove()
            self.tree.before("remove journal")
            self.journal.remove()

    def _staged(self, number: int, exchange: Exchange) -> Step:
        seen: Seen | None = None
        if exchange.new:
            new = evolve(exchange.new, chunks=self._unless_interrupted(exchange.new.chunks))
            seen = self.stage.put(number, new)
        return Step(number=number, path=exchange.path, old=exchange.old, new=seen)

    def _unless_interrupted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._pause()
            yield chunk

    def _pause(self) -> None:
        if self.interrupted():
            raise InterruptedByUser("interrupted; nothing was applied")

    def _exchange(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self._check(step)
        for step in steps:
            self._pause()
            self.stage.exchange(step)
        _sync(self.stage, steps)
        for step in steps:
            if step.old and not self.stage.has_old(step):
                raise ChangedMeanwhileError(step.path)
        self._pause()

    def _check(self, step: Step) -> None:
        """That nobody wrote to a path since it was judged, so far as can be told before anything is moved."""
        if not step.old:
            return  # it comes out when the new one is brought in, which is never over another
        try:
            found = self.tree.seen(step.path)
        except InTheWayError:
            found = None
        if not (found and step.old.is_same(found)):
            raise ChangedMeanwhileError(step.path)


def _undone(stage: Stage, steps: Sequence[Step], times: dict[str, int]) -> BottleError | None:
    """Puts all back. An error where something of the host's own is in the way by now; the rest is undone."""
    blocked = [step for step in reversed(steps) if not stage.restore(step)]
    _sync(stage, steps)
    kept = ""
    if blocked:
        kept = stage.keep()
    else:
        stage.remove()
    for folder, time in times.items():
        stage.tree.touch(PurePosixPath(folder), time)
    if not kept:
        return None
    names = ", ".join(f"{step.path} (as o{step.number})" for step in blocked)
    return BottleError(
        f"an apply was undone, but something new stands where these were: {names}",
        hint=f"what was there before is kept in {stage.tree.root / kept}",
    )


def _sync(stage: Stage, steps: Sequence[Step]) -> None:
    """Returns when all that was exchanged is on the disk."""
    for folder in sorted({str(step.path.parent) for step in steps} | {"."}):
        stage.tree.sync(PurePosixPath(folder))
    stage.sync()


@frozen(kw_only=True)
class _Ended:
    """A journal whose process is gone. `root`: the directory, where the caller knows it."""

    journal: Journal
    before: Callable[[str], None] = field(repr=False)
    root: Path | None = None

    def settle(self) -> None:
        """Leaves an empty journal. Raises BottleError where the directory is out of reach."""
        record = self.journal.read()
        problem: BottleError | None = None
        if record.stage:
            try:
                problem = self._settled(record, self.root or Path(record.root))
            except OSError as error:
                raise BottleError(
                    f"an apply in {record.root} was cut off and cannot be undone: {error.strerror}"
                ) from error
        self.before("empty journal")
        self.journal.empty()
        if problem:
            raise problem

    def _settled(self, record: Record, root: Path) -> BottleError | None:
        with Directory(root, self.before) as tree:
            stage = Stage(tree, record.stage)
            if not stage.exists():  # it was not made yet, or is removed already
                return None
            with stage:
                if not record.done:
                    return _undone(stage, record.steps, record.times)
                stage.remove()
        return None
