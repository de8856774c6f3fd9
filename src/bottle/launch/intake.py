"""The operator's directory comes into a bottle, and how it did is put on record."""

import time
from pathlib import Path

from attrs import evolve, frozen

from bottle.backends.base import Arrival, Bottle
from bottle.plan import WORKSPACE, How, Workspace
from bottle.progress import Progress
from bottle.workspace.origin import Origin
from bottle.workspace.snapshot import Snapshot

_MARGIN = 10_000_000
"""Nanoseconds that a file system's clock may be behind: it goes by the kernel's ticks."""


@frozen(kw_only=True)
class Intake:
    """`folder`: the bottle's state. `started_ns`: since the epoch, before anything was read."""

    workspace: Workspace | None
    folder: Path
    started_ns: int
    progress: Progress

    @classmethod
    def begin(cls, workspace: Workspace | None, folder: Path, progress: Progress) -> "Intake":
        started = time.time_ns() - _MARGIN
        return cls(workspace=workspace, folder=folder, started_ns=started, progress=progress)

    def fill(self, bottle: Bottle, arrival: Arrival) -> None:
        """Raises BottleError where the directory has to be copied and cannot be."""
        if self.workspace is None:
            return
        if arrival.note:
            self.progress.note(f"{self.workspace.source}: {arrival.note}")
        origin = Origin(
            folder=self.folder,
            source=str(self.workspace.source),
            how=arrival.how,
            started_ns=self.started_ns,
            excludes=self.workspace.excludes,
        )
        if arrival.how is How.COPY:
            with Snapshot(self.workspace.source).archive() as files:
                bottle.put(str(WORKSPACE), files)
            origin = evolve(origin, filled_ns=time.time_ns() - _MARGIN)
        origin.write()
