"""Whether a bottle outlives its agent, and what its operator is told of that.

The mark is set before the agent starts, and taken away when it ended well with nothing to keep: so nobody
needs to say a last word where the owner is killed or the machine stops.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from attrs import evolve, field, frozen

from bottle.backends.base import Bottle
from bottle.errors import BottleError
from bottle.plan import How, Keep, LaunchPlan, Workspace
from bottle.secret import SecretValues
from bottle.state.honeytokens import Honeytokens
from bottle.state.record import BottleRecord, DamagedRecordError, Phase
from bottle.state.store import StateEntry, StateStore
from bottle.workspace.origin import Origin


@frozen(kw_only=True)
class Kept:
    """A bottle that can be resumed: what was recorded of it. `workspace`: None for one that began empty."""

    record: BottleRecord
    honeytokens: Honeytokens = field(factory=Honeytokens)
    workspace: Workspace | None = None

    @classmethod
    def of(cls, entry: StateEntry) -> "Kept":
        """Raises BottleError where a record cannot be read, or what the workspace lies on is gone."""
        if entry.record is None:
            raise entry.problem or DamagedRecordError(f"{entry.folder} has no record of its bottle")
        origin = Origin.read(entry.folder)
        if origin and origin.how is not How.COPY and not Path(origin.source).is_dir():
            raise BottleError(
                f"{origin.source}, on which the workspace of {entry.identity} lies, is no folder any more",
                hint=f"put it back, or: bottle discard {entry.identity}",
            )
        return cls(
            record=entry.record,
            honeytokens=Honeytokens.read(entry.folder),
            workspace=origin.workspace if origin else None,
        )

    def check(self, plan: LaunchPlan) -> None:
        """Raises BottleError where the manifests now make something else of it.

        Another bottle may grant other hosts and secrets: what came in under the one must not get out by them.
        """
        record = self.record
        for what, before, now, file in (
            ("bottle", record.bottle, plan.bottle, plan.agent_file),
            ("provider", record.provider, plan.program.template, plan.bottle_file),
        ):
            if before != now:
                raise BottleError(
                    f"{plan.identity} is of the {what} '{before}', and its manifest now names '{now}'",
                    hint=f"name '{before}' again, or: bottle start {plan.agent}",
                    location=str(file),
                )


class Keeping:
    """The part of a launch that decides. `note` tells the operator."""

    def __init__(self, store: StateStore, plan: LaunchPlan, note: Callable[[str], None]) -> None:
        self._store = store
        self._plan = plan
        self._note = note
        self._record = record_of(plan)

    @property
    def record(self) -> BottleRecord:
        return self._record

    def resume(self, bottle: Bottle) -> None:
        """Raises BottleError, and changes nothing, where what was kept is not there any more."""
        identity, backend = self._record.identity, self._record.backend
        before = self._store.entry(identity).record
        if before and before.phase is not Phase.KEPT:
            bottle.suspend()  # its owner was killed
        if before:
            self._record = evolve(self._record, created=before.created, status=before.status)
        if not bottle.kept():
            raise BottleError(
                f"the backend '{backend}' has no home and workspace of {identity}",
                hint=f"reach the same engine as before (DOCKER_HOST), or: bottle discard {identity}",
            )
        self._store.update(self._record)

    def agent_starts(self, secrets: SecretValues) -> None:
        identity = self._plan.identity
        if self._plan.worth_keeping:
            held = Honeytokens(placeholders=secrets.placeholders, decoys=secrets.decoys)
            held.write(self._store.folder(identity))
            self._store.preserve(identity)
        self._record = evolve(self._record, phase=Phase.RUNNING, status=None)
        self._store.update(self._record)

    def agent_ended(self, status: int, *, unapplied: Callable[[], bool]) -> None:
        """`unapplied` tells whether a private workspace has what its directory has not; it takes its time."""
        plan = self._plan
        self._record = evolve(self._record, status=status)
        finished = status == 0 and plan.keep is not Keep.ALWAYS
        if not plan.worth_keeping or (finished and not (plan.private_workspace and unapplied())):
            self._store.forget(plan.identity)

    def take_down(self, bottle: Bottle) -> None:
        """Suspends what is kept, removes what is not."""
        identity = self._plan.identity
        if not self._store.preserved(identity):
            bottle.remove()
            return
        bottle.suspend()
        self._store.update(evolve(self._record, phase=Phase.KEPT))
        changed = f"; what it changed: bottle diff {identity}" if self._plan.private_workspace else ""
        self._note(f"kept; to go on: bottle resume {identity}{changed}")


def record_of(plan: LaunchPlan) -> BottleRecord:
    """The plan as this process, its owner, puts it on record."""
    return BottleRecord(
        identity=plan.identity,
        agent=plan.agent,
        bottle=plan.bottle,
        backend=plan.backend,
        provider=plan.program.template,
        created=time.time(),
        owner_pid=os.getpid(),
        interactive=plan.interactive,
        cwd=str(plan.cwd),
        workspace=plan.workspace.mode.value if plan.workspace else None,
        keep=plan.keep is Keep.ALWAYS,
    )
