"""One native sandbox: its folders, its processes, its limits, and the one way to end them all."""

import os
import platform
import shutil
import socket
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import IO, Any

from attrs import evolve, frozen

from bottle.backends.base import (
    Arrival,
    Bottle,
    CopiedIn,
    ExecRequest,
    GatePlaces,
    Overuse,
    Running,
    SidecarLaunch,
    Streams,
)
from bottle.backends.errors import IsolationError, NotRunningError
from bottle.backends.native import addresses, bwrap, cgroup, looking, processes, rootfs, seccomp
from bottle.backends.native.accounts import MIRRORS_GROUP, Account, Accounts
from bottle.backends.native.agent_cli import AgentCli
from bottle.backends.native.blueprint import OOM_SCORE, Blueprint
from bottle.backends.native.diskwatch import DiskWatch
from bottle.backends.native.layer import Layer
from bottle.backends.native.places import Places, Record
from bottle.backends.native.sidecar import Lodging
from bottle.backends.native.venv import SidecarVenv
from bottle.backends.native.warden import Entered, Warden, WardenError
from bottle.errors import BottleError, EnvironmentLacksError
from bottle.jail import process
from bottle.jail.requests import Entry, Watch
from bottle.plan import AGENT_HOME, AGENT_UID, PROXY_PORT, WORKSPACE, How, LaunchPlan, Limits
from bottle.proc import Command
from bottle_sidecar.control.handover import HandoverError, send_listener
from bottle_sidecar.control.protocol import Exit

_LOOPBACK = "127.0.0.1"
_OPEN_FILES = 65536
_SIDECAR_ADDRESS = "127.0.0.1"
_LONGEST_COMPLAINT = 4000
_HELD_BY = {
    "memory": ("memory.max", "memory.limit_in_bytes"),
    "cpus": ("cpu.max", "cpu.cfs_quota_us"),
}  # files of a control group, of version 2 and 1
_UNPACK = ("tar", "-x", "-p", "-o", "-f", "-")  # options that every tar has: modes kept, owners not
_UNPACK_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


@frozen(kw_only=True)
class NativeHost:
    """What all native bottles of this operator share."""

    accounts: Accounts | None
    venv: SidecarVenv | None
    cli: AgentCli
    mirrors: Path

    def prepare_mirrors(self) -> None:
        """Root's sidecars are many users, who share the folder as a group."""
        self.mirrors.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.accounts:
            os.chown(self.mirrors, 0, MIRRORS_GROUP)
            self.mirrors.chmod(0o2770)

    def built(self) -> SidecarVenv:
        """Raises BottleError before `Backend.build`."""
        if self.venv is None:
            raise BottleError("the sidecar is not built", hint="bottle build")
        return self.venv


class NativeBottle(Bottle):
    """The handle of one identity. The process that calls `create` owns the sandbox, which ends with it."""

    def __init__(self, places: Places, host: NativeHost) -> None:
        self.identity = places.identity
        self._places = places
        self._host = host
        self._warden: Warden | None = None
        self._disk: DiskWatch | None = None
        self._arrival = Arrival()
        self._owned = ExitStack()

    def sidecar(self, plan: LaunchPlan) -> SidecarLaunch:
        """The warden starts here already, beside the sidecar; `create` puts it to work."""
        lodging = self._lodging(gate=bool(plan.git_upstreams))
        Path(self._places.handover).unlink(missing_ok=True)
        self._warden = self._warden or self._start_warden(proves=True)
        gate = GatePlaces(
            scratch=str(self._places.gate),
            sockets=str(self._places.sidecar),
            cache=str(self._host.mirrors),
        )
        return SidecarLaunch(
            command=lodging.command("bottle_sidecar"),
            exit=Exit(handover=self._places.handover),
            gate=gate if plan.git_upstreams else None,
        )

    def companion(self, module: str) -> Command:
        return self._lodging(gate=False).command(module, _SIDECAR_ADDRESS)

    def _lodging(self, *, gate: bool) -> Lodging:
        """Where a program of ours runs that stands on the host's side, as the sidecar's user."""
        self._places.prepare()
        account = self._account()
        shared: tuple[Path, ...] = ()
        if gate:
            self._places.prepare_gate()
            shared = (self._places.gate, self._host.mirrors)
            self._host.prepare_mirrors()
        if account:
            for folder in (self._places.sidecar, *shared[:1]):
                os.chown(folder, account.sidecar, account.sidecar)
        return Lodging(venv=self._host.built(), own=self._places.sidecar, account=account, shared=shared)

    def create(self, plan: LaunchPlan, *, trust_store: str) -> Arrival:
        self._places.prepare()
        account = self._account()
        rootfs.fill(self._places.box, trust_store=trust_store)
        layer = Layer(box=self._places.box)
        possible = layer.ways(plan.workspace, owner=None if account else (os.getuid(), os.getgid()))
        if account:
            rootfs.give(self._places.box, account.sandbox)
        record = self._limit(plan.limits, account)
        pid, started, listener = self._bring_up(plan, record, possible)
        with listener:
            self._places.update(pid=pid, started=started)
            try:
                send_listener(self._places.handover, listener)
            except HandoverError as error:
                raise BottleError(str(error)) from error
        self._prove()
        return self._arrival

    def _bring_up(
        self, plan: LaunchPlan, record: Record, possible: Sequence[Arrival]
    ) -> tuple[int, int, socket.socket]:
        """In the first possible way; what the kernel has to say against it shows only when it is tried."""
        self._arrival, *others = possible
        try:
            return self._hold(plan, record, self._arrival.how)
        except WardenError as error:
            if not others:
                raise
            held = self._hold(plan, record, others[0].how)
            self._arrival = evolve(others[0], note=f"{others[0].note}: {error}")
            Layer(box=self._places.box).discard()
            return held

    def watch(self, plan: LaunchPlan, overuse: Overuse) -> None:
        """The folders are measured by a process beside the sandbox, which sees them as the agent does."""
        pid, started = self._first_process()
        if self._warden is None:
            raise NotRunningError(f"{self.identity} is not ours to watch")
        how, outside = self._arrival.how, Layer(box=self._places.box).folders
        request = Watch(
            pid=pid,
            started=started,
            uid=AGENT_UID,
            folders=(str(AGENT_HOME), str(WORKSPACE))[: 2 if how is How.COPY else 1],
            covered=(str(WORKSPACE),) if how is How.OVERLAY else (),
            outside=tuple(map(str, outside)) if how is How.OVERLAY else (),
            memory=bwrap.TEMPORARY,
            disk=plan.limits.disk,
        )
        self._disk = DiskWatch(self._warden.watch(request), overuse)

    def halt(self) -> None:
        """All others end with the first process of their namespace."""
        processes.end([self._first_process()])

    def put(self, target: str, archive: IO[bytes]) -> None:
        """The unpacking runs inside, as the agent's user: no link in the archive or the target leads out."""
        read, write = os.pipe2(os.O_CLOEXEC)
        with tempfile.TemporaryFile() as said:
            with open(write, "wb") as sink, open(read, "rb") as source:  # noqa: PTH123 - descriptors
                running = self.start(
                    ExecRequest(
                        argv=_UNPACK,
                        env=_UNPACK_ENVIRONMENT,
                        cwd=target,
                        streams=Streams(stdin=source.fileno(), stdout=said.fileno(), stderr=said.fileno()),
                    )
                )
                source.close()
                _feed(archive, sink)
            status = running.wait()
            said.seek(0)
            text = said.read(_LONGEST_COMPLAINT).decode(errors="replace").strip()
        if status:
            raise BottleError(f"{target} in the bottle could not be filled (tar: {status}): {text}")

    def start(self, request: ExecRequest) -> Running:
        if not request.argv or "=" in request.argv[0]:
            raise BottleError("a command inside a bottle needs a name without '='")
        terminal = request.terminal
        return self._enter(
            argv=request.argv,
            env=request.env,
            cwd=request.cwd,
            terminal=(terminal.rows, terminal.columns) if terminal else None,
            streams=() if terminal else _numbers(request.streams),
        )

    def changes(self, start: CopiedIn | None) -> AbstractContextManager[IO[bytes]]:
        return looking.changes(self._places.box, start)

    def running(self) -> bool:
        record = self._places.read()
        return record.pid is not None and process.started(record.pid) == record.started

    def unlimited(self) -> Collection[str]:
        folders = [Path(folder) for folder in self._places.read().cgroups]
        return [
            resource
            for resource, names in _HELD_BY.items()
            if not any((folder / name).is_file() for folder in folders for name in names)
        ]

    def remove(self) -> None:
        self._end()
        self._places.remove()
        if self._host.accounts:
            self._host.accounts.release(self.identity)

    def kept(self) -> bool:
        return self._places.owner is not None

    def suspend(self) -> None:
        """The host users stay the bottle's, since its files are theirs."""
        self._end()
        self._places.suspend()

    def _end(self) -> None:
        """Whatever runs, and what limits it."""
        if self._disk:
            self._disk.close()
            self._disk = None
        if self._warden:
            self._warden.close()
            self._warden = None
        self._owned.close()
        record = self._places.read()
        self._end_processes(record)
        cgroup.remove(record.cgroups)

    def _end_processes(self, record: Record) -> None:
        """By record, by control group and by marker: any one of the three may be missing after a crash."""
        found = [
            (entry.pid, entry.started)
            for entry in processes.find(self._places.scope)
            if entry.identity == self.identity
        ]
        if record.pid is not None and record.started is not None:
            found.append((record.pid, record.started))
        for pid in cgroup.members(record.cgroups):
            started = process.started(pid)
            if started is not None:
                found.append((pid, started))
        processes.end(found)

    def _account(self) -> Account | None:
        accounts = self._host.accounts
        return accounts.allocate(self.identity, self._places.owner) if accounts else None

    def _limit(self, limits: Limits, account: Account | None) -> Record:
        """Makes the groups, or falls back to what each process can be held to."""
        groups = cgroup.plan(f"bot-bottle.{self._places.scope}.{self.identity}", limits)
        self._places.update(cgroups=[str(group.folder) for group in groups])
        made = [group for group in groups if group.make()]
        held = {controller for group in made for controller in group.controllers}
        own = [("RLIMIT_CORE", 0), ("RLIMIT_NOFILE", _OPEN_FILES), ("RLIMIT_FSIZE", limits.disk)]
        if "pids" not in held:
            own.append(("RLIMIT_NPROC", limits.pids))
        return self._places.update(
            uid=account.sandbox if account else None,
            cgroups=[str(group.folder) for group in made],
            limits=own,
        )

    def _hold(self, plan: LaunchPlan, record: Record, how: How) -> tuple[int, int, socket.socket]:
        cli = self._host.cli.folder(plan.program.package) if plan.program.package else None
        blueprint = Blueprint(
            plan=plan,
            places=self._places,
            record=record,
            venv=self._host.built(),
            cli=cli,
            seccomp=_filter(),
        )
        self._warden = self._warden or self._start_warden(proves=True)
        pid, started, listener, lease = self._warden.hold(blueprint.hold(how))
        self._owned.enter_context(lease)
        return pid, started, listener

    def _prove(self) -> None:
        """Raises IsolationError with whatever a probe inside, confined as the agent will be, found wrong."""
        entered = self._enter(argv=None, env={}, cwd="/", terminal=None, streams=())
        status = entered.wait()
        findings = entered.findings
        if status or findings is None:
            raise IsolationError(f"the isolation probe ended with {status} instead of an answer")
        if findings:
            raise IsolationError("the sandbox is not tight: " + "; ".join(findings))

    def _probe(self) -> Mapping[str, Any]:
        return {
            "uid": AGENT_UID,
            "home": str(AGENT_HOME),
            "port": PROXY_PORT,
            "identity": self.identity,
            "addresses": addresses.of_host(),
        }

    def _enter(
        self,
        *,
        argv: tuple[str, ...] | None,
        env: Mapping[str, str],
        cwd: str,
        terminal: tuple[int, int] | None,
        streams: Sequence[int],
    ) -> Entered:
        pid, started = self._first_process()
        record = self._places.read()
        entry = Entry(
            pid=pid,
            started=started,
            uid=AGENT_UID,
            seccomp=_filter(),
            limits=record.limits,
            cgroups=record.cgroups,
            oom_score=OOM_SCORE,
            argv=argv,
            env=env,
            cwd=cwd,
            terminal=terminal,
            probe=self._probe() if argv is None else None,
        )
        if self._warden:
            return self._warden.enter(entry, streams)
        with ExitStack() as stack:
            warden = self._start_warden(proves=False)
            stack.callback(warden.close)
            held = ExitStack()
            entered = warden.enter(entry, streams, held)
            held.push(stack.pop_all())
            return entered

    def _first_process(self) -> tuple[int, int]:
        """(pid, start time) on the host. Raises NotRunningError where none was ever recorded."""
        record = self._places.read()
        if record.pid is None or record.started is None:
            raise NotRunningError(f"{self.identity} is not running")
        return record.pid, record.started

    def _start_warden(self, *, proves: bool) -> Warden:
        with self._places.log.open("ab") as log:
            return Warden(self._places.marker, log, proves=proves)


def _feed(archive: IO[bytes], sink: IO[bytes]) -> None:
    """Where the reader ends early, its status says why."""
    with suppress(BrokenPipeError):
        shutil.copyfileobj(archive, sink)
    with suppress(BrokenPipeError):
        sink.close()


def _numbers(streams: Streams | None) -> Sequence[int]:
    if streams is None:
        raise BottleError("a process without a terminal needs three streams")
    return streams.stdin, streams.stdout, streams.stderr


def _filter() -> str:
    for machine in seccomp.Machine:
        if machine.uname == platform.machine():
            return seccomp.program(machine).hex()
    raise EnvironmentLacksError(f"the native backend has no system call filter for {platform.machine()}")
