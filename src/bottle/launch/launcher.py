"""Runs a plan, step by step; whatever was made is taken down in reverse, however it ends."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

from attrs import evolve, field, frozen

from bottle.assets import Assets
from bottle.backends.base import (
    Backend,
    Bottle,
    ExecRequest,
    GatePlaces,
    Running,
    SidecarLaunch,
    Streams,
    TerminalSize,
)
from bottle.errors import BottleError
from bottle.launch.asides import Asides
from bottle.launch.asking import DecisionWatch, Registrar
from bottle.launch.inside import capture
from bottle.launch.intake import Intake
from bottle.launch.keeping import Keeping, record_of
from bottle.launch.login import Lent, LoginWatch
from bottle.launch.overuse import DiskGuard
from bottle.launch.seed import RUN, environment_archive, home_archive
from bottle.launch.signals import termination
from bottle.launch.workspaces import HeldWorkspace
from bottle.plan import AGENT_HOME, WORKSPACE, LaunchPlan
from bottle.proc import Completed
from bottle.progress import Progress
from bottle.secret import SecretValues
from bottle.sidecar.process import SidecarError, SidecarProcess
from bottle.state.audit import AuditLogs
from bottle.state.store import StateStore
from bottle.state.usage import Usage
from bottle.workspace.origin import Origin
from bottle_sidecar.control.protocol import GateStart, Start

_SAID = 500  # characters of what a failed check printed


@frozen(kw_only=True)
class LiveBottle:
    """A bottle that is up: its isolation is proven, its files are in, its agent is not started yet."""

    bottle: Bottle
    identity: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)

    def start_agent(self, *, terminal: TerminalSize | None = None, streams: Streams | None = None) -> Running:
        request = ExecRequest(argv=self.argv, env=self.env, cwd=str(WORKSPACE))
        return self.bottle.start(evolve(request, terminal=terminal, streams=streams))

    def capture(self, argv: tuple[str, ...]) -> Completed:
        """Runs a command beside the agent, with its environment and no input, to its end."""
        return capture(self.bottle, argv, self.env)


@frozen(kw_only=True)
class Launcher:
    """Brings one bottle up on `backend`, lets `work` use it, and takes everything down.

    `environ`: what the host's git is run with. `lent`: the operator's own login, which may be renewed while
    the bottle lives.
    """

    backend: Backend
    store: StateStore
    logs: AuditLogs
    progress: Progress
    environ: Mapping[str, str] = field(factory=dict, repr=False)
    lent: Lent | None = None

    def run(
        self, plan: LaunchPlan, secrets: SecretValues, assets: Assets, work: Callable[[LiveBottle], int]
    ) -> int:
        """The status that `work` returns. Raises BottleError where a step fails, Terminated on a signal."""
        with termination() as shield, ExitStack() as stack:
            try:
                self.backend.build(assets, plan, self.progress)
                return self._run(plan, secrets, assets, work, stack)
            finally:
                shield.raise_()

    def _run(
        self,
        plan: LaunchPlan,
        secrets: SecretValues,
        assets: Assets,
        work: Callable[[LiveBottle], int],
        stack: ExitStack,
    ) -> int:
        keeping = Keeping(self.store, plan, partial(self._note, plan))
        bottle = self.backend.bottle(plan.identity)
        if plan.resume:
            stack.enter_context(self.store.hold(plan.identity, "bottle resume"))
            keeping.resume(bottle)
        else:
            stack.enter_context(self.store.claim(keeping.record))
        guard = stack.enter_context(DiskGuard(bottle, plan))
        stack.callback(keeping.take_down, bottle)
        launch = bottle.sidecar(plan)
        aside = stack.enter_context(Asides(partial(self._note, plan), waits=plan.interactive))
        sidecar = stack.enter_context(self._sidecar(plan, secrets, launch, guard, aside))
        folder = self.store.folder(plan.identity)
        intake = Intake.begin(plan.workspace, folder, self.progress, disk=plan.limits.disk)
        arrival = bottle.create(plan, trust_store=sidecar.ready.trust_store)
        if not launch.measures:
            bottle.watch(plan, guard.report)
        self._note(plan, f"CA fingerprint {sidecar.ready.ca_fingerprint}")
        if unlimited := bottle.unlimited():
            names = ", ".join(sorted(unlimited))
            self._note(plan, f"no control group can be made here; not limited: {names}")
        env = _environment(plan, secrets)
        _fill(bottle, plan, env)
        if not plan.resume:
            intake.fill(bottle, arrival)
        live = LiveBottle(bottle=bottle, identity=plan.identity, argv=plan.program.argv, env=env)
        if plan.program.check:
            _check(live, plan.program.check)
        stack.enter_context(DecisionWatch(self.store.proposals(plan.identity), sidecar))
        if self.lent is not None:
            stack.enter_context(LoginWatch(self.lent, sidecar, aside))
        keeping.agent_starts(secrets)
        status = work(live)
        if not sidecar.alive:
            raise SidecarError(f"the sidecar of {plan.identity} died; the agent had no way out from then on")
        keeping.agent_ended(status, unapplied=partial(self._unapplied, plan, bottle, assets))
        return status

    @contextmanager
    def _sidecar(
        self, plan: LaunchPlan, secrets: SecretValues, launch: SidecarLaunch, guard: DiskGuard, aside: Asides
    ) -> Iterator[SidecarProcess]:
        """Its audit log outlives the bottle."""
        log = self.logs.of(plan.identity)
        start = evolve(_start_message(plan, secrets, launch), log_head=log.prepare())
        if plan.resume:
            start = evolve(start, spent=Usage.of(log.entries()).spent)
        overuse = guard.report if launch.measures else None
        registrar = Registrar(plan.identity, self.store.proposals(plan.identity), aside)
        try:
            with SidecarProcess(
                launch.command, start, log=log.path, overuse=overuse, heard=registrar.hear
            ) as sidecar:
                yield sidecar
        finally:
            log.seal()

    def _unapplied(self, plan: LaunchPlan, bottle: Bottle, assets: Assets) -> bool:
        """True where it cannot be told."""
        try:
            origin = Origin.read(self.store.folder(plan.identity))
            if origin is None:
                return True
            self.backend.equip(lambda: assets, self.progress)
            held = HeldWorkspace(
                record=record_of(plan),
                bottle=bottle,
                origin=origin,
                environ=self.environ,
                limit=plan.limits.disk,
            )
            return held.is_changed()
        except (BottleError, OSError):
            return True

    def _note(self, plan: LaunchPlan, text: str) -> None:
        self.progress.note(f"{plan.identity}: {text}")


def _check(live: LiveBottle, command: tuple[str, ...]) -> None:
    """Raises BottleError where the agent's CLI would not start as it should."""
    completed = live.capture(command)
    if completed.code:
        said = completed.stderr.decode(errors="replace").strip()[-_SAID:]
        raise BottleError(f"`{' '.join(command)}` failed in {live.identity}: {said}")


def _fill(bottle: Bottle, plan: LaunchPlan, env: Mapping[str, str]) -> None:
    with home_archive(plan) as home:
        bottle.put(str(AGENT_HOME), home)
    with environment_archive(env) as environment:
        bottle.put(RUN, environment)


def _start_message(plan: LaunchPlan, secrets: SecretValues, launch: SidecarLaunch) -> Start:
    return Start(
        identity=plan.identity,
        policy=plan.policy,
        exit=launch.exit,
        tokens={name: secret.reveal() for name, secret in secrets.tokens.items()},
        placeholders=secrets.placeholders,
        secrets=tuple(secret.reveal() for secret in (*secrets.env.values(), *secrets.sources.values())),
        decoys=secrets.decoys,
        upstream_proxy=secrets.upstream_proxy.reveal() if secrets.upstream_proxy else None,
        no_proxy=secrets.no_proxy,
        gate=_gate(plan, secrets, launch.gate) if launch.gate else None,
    )


def _gate(plan: LaunchPlan, secrets: SecretValues, places: GatePlaces) -> GateStart:
    return GateStart(
        repos=plan.git_upstreams,
        keys={name: key.reveal() for name, key in secrets.git_keys.items()},
        scratch=places.scratch,
        sockets=places.sockets,
        cache=places.cache,
    )


def _environment(plan: LaunchPlan, secrets: SecretValues) -> dict[str, str]:
    plain = {variable.name: variable.value for variable in plan.env if variable.value is not None}
    return {**plain, **{name: secret.reveal() for name, secret in secrets.env.items()}}
