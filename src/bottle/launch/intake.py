"""The operator's directory comes into a bottle, and how it did is put on record."""

import re
import time
from pathlib import Path

from attrs import evolve, frozen

from bottle.backends.base import Arrival, Bottle
from bottle.ignore import Ignore
from bottle.launch.inside import capture
from bottle.plan import AGENT_PATH, WORKSPACE, How, Workspace
from bottle.progress import Progress
from bottle.workspace.origin import BaseWriter, Origin
from bottle.workspace.snapshot import Snapshot

_MARGIN = 10_000_000
"""Nanoseconds that a file system's clock may be behind: it goes by the kernel's ticks."""


@frozen(kw_only=True)
class Intake:
    """`folder`: the bottle's state. `started_ns`: since the epoch, before anything was read.

    `disk`: bytes that the bottle may hold; None where that is not known. `clock`: what tells nanoseconds
    since the epoch in a bottle.
    """

    workspace: Workspace | None
    folder: Path
    started_ns: int
    progress: Progress
    disk: int | None = None
    clock: tuple[str, ...] = ("date", "+%s%N")

    @classmethod
    def begin(
        cls, workspace: Workspace | None, folder: Path, progress: Progress, *, disk: int | None = None
    ) -> "Intake":
        started = time.time_ns() - _MARGIN
        return cls(workspace=workspace, folder=folder, started_ns=started, progress=progress, disk=disk)

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
            disk=self.disk,
        )
        if arrival.how is How.COPY:
            self._copy(self.workspace, bottle)
            origin = evolve(origin, filled_ns=self._now(bottle))
        origin.write()

    def _copy(self, workspace: Workspace, bottle: Bottle) -> None:
        with BaseWriter.to(self.folder) as base:
            snapshot = Snapshot(
                directory=workspace.source, ignore=Ignore.of(workspace.excludes), note=base.note
            )
            passed = snapshot.passed
            counting = self.progress.counting(f"copying {workspace.source}", passed.shown)
            with counting, snapshot.archive() as files:
                bottle.put(str(WORKSPACE), files)
        if complaint := passed.complaint():
            self.progress.note(f"{workspace.source}: {complaint}")

    def _now(self, bottle: Bottle) -> int:
        """What a file that is changed in the bottle from now on has as its ctime, at least.

        0, after which every file is compared, where the image has no `date` that tells nanoseconds.
        """
        said = capture(bottle, self.clock, {"PATH": AGENT_PATH}).text
        return int(said) - _MARGIN if re.fullmatch(r"[0-9]{19}", said) else 0
