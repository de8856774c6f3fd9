"""What the command line does, without its words: both it and later front ends call this."""

import os
import shlex
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import evolve, field, frozen

from bottle.assets import Assets
from bottle.backends.base import Backend, Bottle, Resource
from bottle.errors import BottleError
from bottle.launch.launcher import Launcher, LiveBottle
from bottle.launch.resolve import DEFAULT_LIMITS, Resolved, Resolver
from bottle.launch.selection import BackendSelection
from bottle.launch.workspaces import HeldWorkspace
from bottle.manifest.catalog import Catalog
from bottle.paths import Paths
from bottle.plan import LaunchPlan
from bottle.progress import Progress
from bottle.secret import SecretValues
from bottle.state.audit import AuditLog, AuditLogs
from bottle.state.record import BottleRecord, Phase
from bottle.state.store import StateEntry, StateStore
from bottle.workspace.apply import Application
from bottle.workspace.directory import Directory
from bottle.workspace.origin import How, Origin
from bottle.workspace.transaction import Transactions

_GRACE_SECONDS = 15.0
_KILL_SECONDS = 5.0
_PAUSE = 0.05
LOG_DAYS = 30.0
"""Days after its last line at which the audit log of an ended bottle may be cleaned up."""


@frozen(kw_only=True)
class Leftover:
    """Something of a bottle that nobody owns any more."""

    identity: str
    description: str
    remove: Callable[[], None] = field(eq=False, repr=False)


@frozen(kw_only=True)
class BottleManager:
    """One operator's bottles on this machine. `assets` unpacks what builds are made from.

    `grace`: seconds that an owner gets to take its bottle down before that is done in its place.
    """

    paths: Paths
    environ: Mapping[str, str] = field(repr=False)
    backends: Mapping[str, Backend]
    catalog: Catalog
    resolver: Resolver
    progress: Progress
    assets: Callable[[], Assets]
    grace: float = _GRACE_SECONDS

    @property
    def store(self) -> StateStore:
        return StateStore(self.paths.state, self.paths.runtime)

    @property
    def logs(self) -> AuditLogs:
        return AuditLogs(folder=self.paths.logs)

    @property
    def transactions(self) -> Transactions:
        return Transactions(folder=self.paths.applying)

    @property
    def selection(self) -> BackendSelection:
        return BackendSelection(self.backends)

    def launch(self, resolved: Resolved, secrets: SecretValues, work: Callable[[LiveBottle], int]) -> int:
        """Reclaims what is dead, brings the bottle up, lets `work` use it, and takes it down."""
        backend = self.selection.named(resolved.plan.backend)
        self.reclaim()
        if resolved.plan.workspace:
            self.transactions.recover(resolved.plan.workspace.source)
        launcher = Launcher(
            backend=backend,
            store=self.store,
            logs=self.logs,
            progress=self.progress,
            environ=self.environ,
            lent=resolved.lent,
        )
        return launcher.run(resolved.plan, secrets, self.assets(), work)

    @contextmanager
    def hold(self, identity: str, holder: str) -> Iterator[StateEntry]:
        """A kept bottle, owned for the length of the context, in which nothing of it runs.

        `holder`: the command, for others to be told. Raises BottleError where that cannot be.
        """
        with self.store.hold(identity, holder) as entry:
            if entry.record:
                self._suspend(entry.record)
            yield self.store.entry(identity)

    @contextmanager
    def opened(self, identity: str, holder: str) -> Iterator[tuple[BottleRecord, Bottle]]:
        """A bottle that can be looked into: it runs, or is kept, and then held while the context lasts."""
        if not self.store.entry(identity).kept:
            yield self.running(identity)
            return
        with self.hold(identity, holder) as entry:
            if entry.record is None:
                raise entry.problem or BottleError(f"{entry.folder} has no record of its bottle")
            yield entry.record, self.selection.named(entry.record.backend).bottle(identity)

    def discard(self, identity: str, holder: str) -> None:
        """Removes a kept bottle. Raises BottleError where that cannot be; it is then still kept."""
        with self.store.hold(identity, holder) as entry:
            for backend in self._homes(entry):
                backend.bottle(identity).remove()
            self.store.forget(identity)

    def _homes(self, entry: StateEntry) -> list[Backend]:
        """Where its things are: with a damaged record, perhaps anywhere."""
        if entry.record:
            return [self._reached(entry.record.backend)]
        return [backend for backend in self.backends.values() if backend.availability().usable]

    def _reached(self, name: str) -> Backend:
        """Raises EnvironmentLacksError for a back-end that does not answer."""
        self.selection.again(name)
        return self.selection.named(name)

    def _suspend(self, record: BottleRecord) -> None:
        """Ends what may still run of a bottle whose owner is gone, and is held by us."""
        if record.phase is Phase.KEPT:
            return
        self._reached(record.backend).bottle(record.identity).suspend()
        self.store.update(evolve(record, phase=Phase.KEPT))

    def build(self, plan: LaunchPlan) -> None:
        """Builds what a launch of `plan` would, unless it is there."""
        self.selection.named(plan.backend).build(self.assets(), plan, self.progress)

    def bottle(self, identity: str) -> tuple[BottleRecord, Bottle]:
        """A live bottle's record and handle. Raises BottleError where none of that name runs."""
        record = self.store.live_record(identity)
        return record, self.selection.named(record.backend).bottle(identity)

    def running(self, identity: str) -> tuple[BottleRecord, Bottle]:
        """The same for a bottle in which something can be done. Raises BottleError while it still starts."""
        record, bottle = self.bottle(identity)
        if record.phase is not Phase.RUNNING:
            raise BottleError(f"'{identity}' is still {record.phase.value}", hint="bottle list active")
        return record, bottle

    @contextmanager
    def workspace(self, identity: str, holder: str = "bottle") -> Iterator[HeldWorkspace]:
        """The workspace of a bottle that runs or is kept; see `opened`.

        Raises BottleError where there is none, or it has none of its own.
        """
        with self.opened(identity, holder) as (record, bottle):
            yield self._workspace(record, bottle)

    def _workspace(self, record: BottleRecord, bottle: Bottle) -> HeldWorkspace:
        identity = record.identity
        origin = Origin.read(self.paths.state / identity)
        if origin is None:
            raise BottleError(
                f"'{identity}' began with an empty workspace", hint=f"bottle cp {identity}:/workspace DEST"
            )
        if origin.how is How.MOUNT:
            raise BottleError(
                f"'{identity}' works on {origin.source} itself: there is nothing to compare it with",
                hint=f"git -C {shlex.quote(origin.source)} diff",
            )
        if not Path(origin.source).is_dir():
            raise BottleError(
                "the directory that the workspace was made from is not there any more",
                hint=f"bottle cp {identity}:/workspace DEST",
                location=origin.source,
            )
        self.transactions.recover(Path(origin.source))
        self.selection.named(record.backend).equip(self.assets, self.progress)
        limit = DEFAULT_LIMITS.disk if origin.disk is None else origin.disk
        return HeldWorkspace(record=record, bottle=bottle, origin=origin, environ=self.environ, limit=limit)

    @contextmanager
    def application(self, held: HeldWorkspace) -> Iterator[Application]:
        """What puts the changes of a workspace onto the directory that it began as."""
        tree = Directory(held.source)
        with Application.opened(tree, held.record.identity, self.transactions, held.git) as application:
            yield application

    def stop(self, identity: str) -> bool:
        """Asks the owner to take the bottle down, and does it in its place where it does not.

        Says whether it is kept.
        """
        record, bottle = self.bottle(identity)
        with suppress(ProcessLookupError):
            os.kill(record.owner_pid, signal.SIGTERM)
        if self._ends(identity, self.grace):
            return self.store.preserved(identity)
        with suppress(ProcessLookupError):
            os.kill(record.owner_pid, signal.SIGKILL)
        self._ends(identity, _KILL_SECONDS)
        if self.store.preserved(identity):
            with self.hold(identity, "bottle stop"):
                return True
        bottle.remove()
        self.store.remove(identity)
        return False

    def _ends(self, identity: str, seconds: float) -> bool:
        """Waits for the owner's end; whether it came."""
        deadline = time.monotonic() + seconds
        while self.store.entry(identity).live:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE)
        return True

    def reclaim(self) -> None:
        """Takes down what is known to be dead, without searching for more.

        What cannot be removed is noted, and left for `leftovers`: it must not keep others from starting.
        """
        self.transactions.recover()
        for entry in self.store.entries():
            if entry.live or entry.record is None or entry.record.phase is Phase.KEPT:
                continue
            backend = self.backends.get(entry.record.backend)
            if not backend or not backend.availability().usable:
                continue
            try:
                self._reclaim(entry, backend)
            except BottleError as error:
                self.progress.note(f"{entry.identity} is dead and could not be removed: {error}")

    def _reclaim(self, entry: StateEntry, backend: Backend) -> None:
        if entry.preserved:
            with self.hold(entry.identity, "bottle"):
                return
        backend.bottle(entry.identity).remove()
        self.store.remove(entry.identity)

    def leftovers(self) -> list[Leftover]:
        """Everything orphaned, over all back-ends that answer, and the old audit logs.

        Never among it: live bottles, what is kept, and those whose state a later version wrote.
        """
        resources: list[Resource] = []
        for backend in self.backends.values():
            if backend.availability().usable:
                resources.extend(backend.resources())
        # The live ones are asked after the search: an owner claims its identity before it makes anything.
        entries = self.store.entries()
        kept = {entry.identity for entry in entries if entry.live or entry.newer or entry.preserved}
        found = [_of_resource(resource) for resource in resources if resource.identity not in kept]
        found += [self._of_state(entry.identity) for entry in entries if entry.identity not in kept]
        found += [self._of_kept(entry.identity) for entry in entries if _is_abandoned(entry)]
        old = self.logs.older_than(LOG_DAYS, time.time())
        return found + [_of_log(log) for log in old if log.identity not in kept]

    def _of_kept(self, identity: str) -> Leftover:
        def suspend() -> None:
            with self.hold(identity, "bottle cleanup"):
                pass

        description = "what ran of a bottle that is kept; its home and workspace stay"
        return Leftover(identity=identity, description=description, remove=suspend)

    def _of_state(self, identity: str) -> Leftover:
        return Leftover(
            identity=identity,
            description=f"state folder {self.paths.state / identity}",
            remove=lambda: self.store.remove(identity),
        )


def _is_abandoned(entry: StateEntry) -> bool:
    """Kept, but its owner was killed before it had ended all that ran."""
    record = entry.record
    return entry.kept and not entry.live and record is not None and record.phase is not Phase.KEPT


def _of_log(log: AuditLog) -> Leftover:
    description = f"audit log {log.path}, older than {LOG_DAYS:g} days"
    return Leftover(identity=log.identity, description=description, remove=log.remove)


def _of_resource(resource: Resource) -> Leftover:
    return Leftover(identity=resource.identity, description=resource.describe(), remove=resource.remove)
