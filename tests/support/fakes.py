"""Stand-ins for our own protocols: a back-end that isolates nothing, and records what it is asked for."""

import io
import os
import sys
import tarfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import IO, ClassVar

from attrs import define, field, frozen

from bottle.assets import Assets
from bottle.backends.base import (
    Arrival,
    Availability,
    Backend,
    BackendContext,
    Bottle,
    CopiedIn,
    ExecRequest,
    Overuse,
    Resource,
    Running,
    SidecarLaunch,
    TerminalSize,
)
from bottle.errors import BottleError
from bottle.paths import Paths
from bottle.plan import LaunchPlan
from bottle.proc import Command, Process, spawn
from bottle.progress import Progress
from bottle_sidecar.control.protocol import Exit

SIDECAR = """\
import json, sys
start = json.loads(sys.stdin.readline())
answer = {"kind": "ready", "ca_certificate": "C", "ca_fingerprint": "F", "trust_store": start["identity"]}
print(json.dumps(answer), flush=True)
for line in sys.stdin:
    if '"kind": "shutdown"' in line:
        break
"""
"""A sidecar that is ready at once and ends with a shutdown message, or with its standard input."""


@define
class RecordedProgress:
    """A Progress that keeps what it was told."""

    notes: list[str] = field(factory=list)
    steps: list[str] = field(factory=list)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.steps.append(title)
        yield

    @contextmanager
    def counting(self, title: str, so_far: Callable[[], str]) -> Iterator[None]:
        yield
        self.steps.append(f"{title}: {so_far()}")

    def note(self, text: str) -> None:
        self.notes.append(text)


class HostProcess(Running):
    """A process of the host in place of one in a sandbox."""

    master = None

    def __init__(self, process: Process) -> None:
        self._process = process

    def wait(self) -> int:
        status = self._process.wait()
        return 128 - status if status < 0 else status

    def resize(self, size: TerminalSize) -> None: ...

    def kill(self) -> None:
        self._process.kill()


@define(kw_only=True)
class FakeBottle(Bottle):
    """`calls`: what was asked of it, in order. `failing`: the calls that raise BottleError."""

    identity: str
    calls: list[str]
    sidecar_program: tuple[str, ...] = (sys.executable, "-c", SIDECAR)
    failing: frozenset[str] = frozenset()
    files: dict[str, bytes] = field(factory=dict, repr=False)
    requests: list[ExecRequest] = field(factory=list)
    used: int | None = field(default=0)
    """What the disk watch finds as soon as it begins, if anything."""
    measures: bool = False
    not_limited: Collection[str] = ()
    lost: bool = False
    arrival: Arrival = field(factory=Arrival)
    halted: Event = field(factory=Event)
    changed: bytes = b'{"end": true}\n'

    def sidecar(self, plan: LaunchPlan) -> SidecarLaunch:
        self._called("sidecar")
        command = Command(argv=self.sidecar_program)
        return SidecarLaunch(command=command, exit=Exit(handover="/run/exit"), measures=self.measures)

    def companion(self, module: str) -> Command:
        return Command(argv=(sys.executable, "-m", module, "127.0.0.1"))

    def create(self, plan: LaunchPlan, *, trust_store: str) -> Arrival:
        self._called(f"create {trust_store}")
        return self.arrival

    def watch(self, plan: LaunchPlan, overuse: Overuse) -> None:
        if self.used != 0:
            overuse(self.used)

    def halt(self) -> None:
        self._called("halt")
        self.halted.set()

    def put(self, target: str, archive: IO[bytes]) -> None:
        self._called(f"put {target}")
        self.files[target] = archive.read()

    def start(self, request: ExecRequest) -> Running:
        self._called(f"start {request.argv[0]}")
        self.requests.append(request)
        assert request.streams
        streams = request.streams
        command = Command(argv=request.argv, env=request.env, timeout=None)
        process = spawn(command, stdin=streams.stdin, stdout=streams.stdout, stderr=streams.stderr)
        return HostProcess(process)

    @contextmanager
    def changes(self, start: CopiedIn | None) -> Iterator[IO[bytes]]:
        self._called("changes")
        yield io.BytesIO(self.changed)

    def running(self) -> bool:
        return True

    def unlimited(self) -> Collection[str]:
        return self.not_limited

    def kept(self) -> bool:
        return not self.lost

    def suspend(self) -> None:
        self._called("suspend")

    def remove(self) -> None:
        self._called("remove")

    def members(self, target: str) -> Mapping[str, tarfile.TarInfo]:
        """What was put there."""
        with tarfile.open(fileobj=io.BytesIO(self.files[target])) as archive:
            return {member.name: member for member in archive}

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if call.split(maxsplit=1)[0] in self.failing:
            raise BottleError(f"{call} failed")


@frozen(kw_only=True)
class FakeResource:
    identity: str
    removed: list[str]

    def describe(self) -> str:
        return f"fake thing of {self.identity}"

    def remove(self) -> None:
        self.removed.append(self.identity)


class FakeBackend(Backend):
    """`found`: what `availability` says. `left`: identities of which it has a resource."""

    name: ClassVar[str] = "fake"

    def __init__(
        self, *, found: Availability | None = None, left: Sequence[str] = (), failing: Sequence[str] = ()
    ) -> None:
        here = Path("/nonexistent")
        paths = Paths(user_home=here, home=here, cache=here, runtime=here, cwd=here)
        super().__init__(BackendContext(paths=paths, environ={}, uid=os.getuid()))
        self.found = found or Availability(usable=True, detail="it is here")
        self.calls: list[str] = []
        self.removed: list[str] = []
        self.bottles: dict[str, FakeBottle] = {}
        self.before_resources: Callable[[], None] = lambda: None
        self._left = left
        self._failing = frozenset(failing)

    def availability(self) -> Availability:
        return self.found

    def check(self, plan: LaunchPlan) -> None: ...

    def build(self, assets: Assets, plan: LaunchPlan, progress: Progress) -> None:
        self.calls.append(f"build {assets.digest}")

    def bottle(self, identity: str) -> FakeBottle:
        made = FakeBottle(identity=identity, calls=self.calls, failing=self._failing)
        return self.bottles.setdefault(identity, made)

    def resources(self) -> Sequence[Resource]:
        self.before_resources()
        return [FakeResource(identity=identity, removed=self.removed) for identity in self._left]
