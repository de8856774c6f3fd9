"""A bottle's workspace, for those who look at what changed in it."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from attrs import field, frozen

from bottle.backends.base import Bottle, CopiedIn
from bottle.errors import BottleError
from bottle.ignore import Ignore
from bottle.state.record import BottleRecord
from bottle.tree import Kind
from bottle.workspace.changeset import ChangeSet
from bottle.workspace.git import Git
from bottle.workspace.origin import How, Origin

_BASE = "base.gz"


@frozen(kw_only=True)
class HeldWorkspace:
    """One that nobody takes away meanwhile. `environ`: what the host's git is run with. `limit`: bytes."""

    record: BottleRecord
    bottle: Bottle
    origin: Origin
    environ: Mapping[str, str] = field(repr=False)
    limit: int

    @property
    def source(self) -> Path:
        """The host's directory that the workspace began as."""
        return Path(self.origin.source)

    @property
    def git(self) -> Git:
        return Git(environ=self.environ)

    @contextmanager
    def changes(
        self, wanted: Callable[[PurePosixPath], bool], *, ignored: bool = False
    ) -> Iterator[tuple[ChangeSet, Path]]:
        """What changed, and a folder of ours that holds the contents and goes with the context.

        `wanted`: the paths that are asked for; `ignored`: also those that the host's git ignores. Raises
        BottleError for what cannot be read or is too much.
        """
        with tempfile.TemporaryDirectory(prefix=".changes-", dir=self.origin.folder) as name:
            folder = Path(name)
            (folder / "new").mkdir()
            with self.bottle.changes(self._start()) as stream:
                found = ChangeSet.read(
                    stream,
                    self.origin,
                    folder / "new",
                    limit=self.limit,
                    wanted=wanted,
                    excluded=Ignore.of(self.origin.excludes).excludes,
                )
            if not ignored:
                paths = {change.path: bool(change.new and change.new.kind is Kind.FOLDER) for change in found}
                found = found.without(self.git.ignored(self.source, paths))
            yield found, folder

    def is_changed(self) -> bool:
        """Whether it has what its directory has not, and git does not ignore. Raises as `changes`."""
        with self.changes(lambda _path: True) as (found, _):
            return bool(found)

    def _start(self) -> CopiedIn | None:
        if self.origin.how is not How.COPY:
            return None
        if self.origin.filled_ns is None:
            raise BottleError(f"the workspace of '{self.record.identity}' was not yet whole when it was left")
        return CopiedIn(filled_ns=self.origin.filled_ns, base=self.origin.folder / _BASE)
