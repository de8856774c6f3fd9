"""One bottle on an engine: its containers and volumes, all found again by their labels."""

import io
import secrets
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

from attrs import frozen

from bottle import proc
from bottle.backends.base import Arrival, Bottle, CopiedIn, ExecRequest, GatePlaces, SidecarLaunch
from bottle.backends.docker import argv, proof, running
from bottle.backends.docker.argv import Isolation
from bottle.backends.docker.engine import Engine, EngineError, last_lines
from bottle.backends.docker.exits import ExitMaker, Forwarded, HandedOver
from bottle.backends.docker.image import Images
from bottle.backends.docker.names import PART_LABEL, Names
from bottle.backends.docker.resources import remove_containers, remove_labelled
from bottle.backends.docker.sandbox import Holder, Sandbox
from bottle.backends.errors import IsolationError, NotRunningError
from bottle.plan import TRUST_STORE, LaunchPlan
from bottle.proc import Command
from bottle_sidecar.control.protocol import Exit

_COPY_SECONDS = 3600.0
_GATE = GatePlaces(scratch=argv.GATE_FOLDER, sockets=argv.GATE_FOLDER, cache=argv.MIRRORS_FOLDER)
_SHOWN = 6  # findings in one message


@frozen(kw_only=True)
class Workshop:
    """What a bottle is made with. `images`, `sidecar`: raise BottleError where these were not built by us."""

    engine: Engine
    isolation: Isolation
    seccomp: str
    images: Callable[[], Images]
    sidecar: Callable[[], str]
    host_addresses: Callable[[], Sequence[str]]


class DockerBottle(Bottle):
    def __init__(self, names: Names, workshop: Workshop) -> None:
        self.identity = names.identity
        self._names = names
        self._workshop = workshop
        self._engine = workshop.engine
        self._sandbox: Sandbox | None = None
        self._image_env: Sequence[str] | None = None

    def sidecar(self, plan: LaunchPlan) -> SidecarLaunch:
        """The sandbox starts here already, beside the sidecar; `create` collects it."""
        images, isolation = self._workshop.images(), self._workshop.isolation
        agent = argv.agent(self._names, images.agent, plan.limits, isolation)
        checks = (self._container_problems, *((self._take_over,) if plan.program.dockerfile else ()))
        self._sandbox = Sandbox(Holder(self._engine, agent), self._exit_maker(images), checks)
        gate = bool(plan.git_upstreams)
        words = argv.sidecar(self._names, images.sidecar, isolation, plan.limits.disk, gate=gate)
        return SidecarLaunch(
            command=self._engine.command(*words, timeout=None),
            exit=Exit(unix=argv.SOCKET) if isolation.unix_exit else Exit(handover=argv.SOCKET),
            measures=True,
            gate=_GATE if gate else None,
        )

    def companion(self, module: str) -> Command:
        images, isolation = self._workshop.images(), self._workshop.isolation
        words = argv.companion(self._names, images.sidecar, isolation, module)
        return self._engine.command(*words, timeout=None)

    def _exit_maker(self, images: Images) -> ExitMaker:
        isolation, addresses = self._workshop.isolation, self._workshop.host_addresses()
        if isolation.unix_exit:
            return Forwarded(self._engine, self._names, addresses)
        return HandedOver(self._engine, argv.listener(self._names, images.sidecar, isolation, addresses))

    def create(self, plan: LaunchPlan, *, trust_store: str) -> Arrival:  # noqa: ARG002 - `sidecar` has read it
        if self._sandbox is None:
            raise EngineError(f"{self.identity}: the sidecar comes before the sandbox")
        self._put_trust_store(trust_store)
        wrong = self._sandbox.findings()
        if wrong:
            more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            raise IsolationError(
                f"{self.identity} is not isolated, the launch is refused: {'; '.join(wrong[:_SHOWN])}{more}",
                hint="`bottle doctor` checks the engine; `--backend native` needs none",
            )
        return Arrival()

    def _put_trust_store(self, trust_store: str) -> None:
        """Through the sidecar's container: in the agent's the folder is read-only."""
        content, stream = trust_store.encode(), io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            entry = tarfile.TarInfo(TRUST_STORE.name)
            entry.size, entry.mode = len(content), 0o444
            archive.addfile(entry, io.BytesIO(content))
        target = f"{self._names.sidecar}:{argv.TRUST_FOLDER}"
        self._engine.run("cp", "-", target, stdin=stream.getvalue())

    def _take_over(self) -> Sequence[str]:
        """The volumes become the agent's user's. Raises CommandFailed; finds nothing wrong."""
        sidecar = self._workshop.images().sidecar
        self._engine.run(*argv.take_over(self._names, sidecar, self._workshop.isolation))
        return ()

    def _container_problems(self) -> Sequence[str]:
        isolation = self._workshop.isolation
        container = self._inspect()
        return proof.problems(container, seccomp=self._workshop.seccomp, runtime=isolation.runtime)

    def _inspect(self) -> Mapping[str, Any]:
        """The agent's container as it is; remembers what its image adds to every environment."""
        container = self._engine.inspect(self._names.agent)
        if container is None or not container["State"]["Running"]:
            raise NotRunningError(
                f"{self.identity} is not running", hint="`bottle list active` shows what is"
            )
        self._image_env = [entry.partition("=")[0] for entry in container["Config"].get("Env") or ()]
        return container

    def put(self, target: str, archive: IO[bytes]) -> None:
        done = self._engine.run(
            *argv.unpack(self._names, target), stdin=archive, timeout=_COPY_SECONDS, check=False
        )
        if done.code:
            raise EngineError(
                f"the files for {target} of {self.identity} cannot be unpacked:\n{last_lines(done)}",
                hint="a custom image needs sh, cat, env and tar" if done.code in {126, 127} else None,
            )

    def start(self, request: ExecRequest) -> running.DockerRunning:
        if self._image_env is None:
            self._inspect()
        started = running.start(self._engine, self._names, request, self._image_env or ())
        if self._sandbox is not None:
            self._sandbox.entered(started.process)
        return started

    @contextmanager
    def changes(self, start: CopiedIn | None) -> Iterator[IO[bytes]]:
        if start is None:
            raise EngineError("a workspace on an engine is a copy")
        image, isolation = self._workshop.sidecar(), self._workshop.isolation
        look = f"{self._names.agent}-changes-{secrets.token_hex(4)}"
        words = argv.changes(self._names, look, image, isolation, start.filled_ns)
        with start.base.open("rb") as base:
            try:
                with proc.reading(self._engine.command(*words, timeout=None), stdin=base) as stream:
                    yield stream
            except BaseException:
                self._engine.run("rm", "--force", look, check=False)
                raise

    def running(self) -> bool:
        """Whether the agent's container runs."""
        return bool(self._engine.containers(*self._names.labels, f"{PART_LABEL}=agent", stopped=False))

    def halt(self) -> None:
        if self._sandbox is not None:
            self._sandbox.stop()
        else:
            remove_containers(self._engine, self._names.agent)

    def kept(self) -> bool:
        """Another engine than before, or a `docker volume prune`, has them not."""
        return set(self._names.kept) <= {found.name for found in self._engine.volumes(*self._names.labels)}

    def suspend(self) -> None:
        self._take_down(keep=self._names.kept)

    def remove(self) -> None:
        self._take_down(keep=())

    def _take_down(self, *, keep: Sequence[str]) -> None:
        """Without its owner's lease the sandbox ends by itself; what was being made goes after it."""
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is None:
            remove_labelled(self._engine, *self._names.labels, keep=keep)
            return
        sandbox.stop()
        remove_labelled(self._engine, *self._names.labels, keep=keep)
        if sandbox.close():
            remove_labelled(self._engine, *self._names.labels, keep=keep)
