"""Containers as sandboxes: on the engine's own runtime, or on gVisor where that is registered."""

import hashlib
import os
import socket
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from attrs import evolve

from bottle.assets import Assets
from bottle.backends.base import Availability, Backend, BackendContext, Resource
from bottle.backends.docker.argv import Isolation
from bottle.backends.docker.bottle import DockerBottle, Workshop
from bottle.backends.docker.engine import Engine, EngineError, Server
from bottle.backends.docker.image import ImageBuilder, Images
from bottle.backends.docker.names import BACKEND_LABEL, OPERATOR_LABEL, Names, operator_of
from bottle.backends.docker.resources import labelled
from bottle.backends.docker.seccomp import profile_json
from bottle.cache import BuildCache
from bottle.errors import EnvironmentLacksError, UsageError
from bottle.plan import LaunchPlan, WorkspaceMode
from bottle.progress import Progress

_REMOTE = ("tcp", "ssh", "http", "https")
_RUNTIME = "runsc"
_SOCKETS_OPTION = "--host-uds=all"
_REGISTER = (
    'add {"runtimes": {"runsc": {"path": "/usr/bin/runsc", '
    '"runtimeArgs": ["--network=none", "--host-uds=all"]}}} to /etc/docker/daemon.json, '
    "then `sudo systemctl reload docker`"
)


class DockerBackend(Backend):
    """Any engine that the docker CLI reaches, remote ones included."""

    name = "docker"
    runtime: ClassVar[str | None] = None
    unix_exit: ClassVar[bool] = False
    own_threads: ClassVar[int] = 0

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        self._engine = Engine(environ=context.environ)
        self._operator = operator_of(context.paths)
        self._seccomp = profile_json()
        self._server: Server | None = None
        self._images: Images | None = None
        self._sidecar: str | None = None

    def availability(self) -> Availability:
        try:
            server = self._reach()
        except EnvironmentLacksError as error:
            return Availability(usable=False, detail=error.message, hint=error.hint)
        return Availability(usable=True, detail=f"engine {server.version} ({server.machine})")

    def elsewhere(self) -> str | None:
        endpoint = self._engine.endpoint()
        return endpoint if urlsplit(endpoint).scheme in _REMOTE else None

    def _reach(self) -> Server:
        if self._server is None:
            self._server = self._engine.server()
        return self._server

    def check(self, plan: LaunchPlan) -> None:
        if plan.workspace and plan.workspace.mode is WorkspaceMode.MOUNT:
            raise UsageError(
                f"the {self.name} backend mounts no directory: the engine may be on another machine",
                hint="--workspace private, which works on a copy, or --backend native",
            )

    def build(self, assets: Assets, plan: LaunchPlan, progress: Progress) -> None:
        self.check(plan)
        self._images = self._builder().images(assets, plan.program, self._reach().machine, progress)
        self._sidecar = self._images.sidecar

    def equip(self, assets: Callable[[], Assets], progress: Progress) -> None:
        self._sidecar = self._builder().sidecar(assets(), progress)

    def _builder(self) -> ImageBuilder:
        return ImageBuilder(
            engine=self._engine, cache=BuildCache(self.context.paths.cache), environ=self.context.environ
        )

    def bottle(self, identity: str) -> DockerBottle:
        isolation = Isolation(
            seccomp=str(self._seccomp_file()),
            runtime=self.runtime,
            unix_exit=self.unix_exit,
            own_threads=self.own_threads,
        )
        workshop = Workshop(
            engine=self._engine,
            isolation=isolation,
            seccomp=self._seccomp,
            images=self._built,
            sidecar=self._equipped,
            host_addresses=host_addresses,
        )
        return DockerBottle(Names(identity=identity, operator=self._operator, backend=self.name), workshop)

    def _built(self) -> Images:
        if self._images is None:
            raise EngineError("the images are built before a bottle is made")
        return self._images

    def _equipped(self) -> str:
        if self._sidecar is None:
            raise EngineError("the sidecar's image is built before a bottle is looked into")
        return self._sidecar

    def _seccomp_file(self) -> Path:
        """The filter as a file, for the CLI to read; its name holds its hash, so it is never outdated."""
        digest = hashlib.sha256(self._seccomp.encode()).hexdigest()[:12]
        target = self.context.paths.cache / f"seccomp-{digest}.json"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".seccomp-")
            with os.fdopen(descriptor, "w") as stream:
                stream.write(self._seccomp)
            Path(name).replace(target)
        return target

    def resources(self) -> Sequence[Resource]:
        return labelled(self._engine, f"{OPERATOR_LABEL}={self._operator}", f"{BACKEND_LABEL}={self.name}")


class GvisorBackend(DockerBackend):
    """The same containers with gVisor's own kernel between the agent and the machine's; slower with files."""

    name = "gvisor"
    runtime = _RUNTIME
    unix_exit = True
    own_threads = 256

    def availability(self) -> Availability:
        found = super().availability()
        if not found.usable:
            return found
        runtimes = self._engine.runtimes()
        if _RUNTIME not in runtimes:
            return evolve(
                found,
                usable=False,
                detail="the engine has no runtime 'runsc'",
                hint=f"install gVisor; {_REGISTER}",
            )
        arguments = runtimes[_RUNTIME]
        if arguments and _SOCKETS_OPTION not in arguments:
            return evolve(found, usable=False, detail=f"runsc lacks {_SOCKETS_OPTION}", hint=_REGISTER)
        return found


def host_addresses() -> Sequence[str]:
    """The addresses of the machine that the operator sits at, for the probe to try."""
    found = {"172.17.0.1"}  # the usual bridge
    for target in ("192.0.2.1", "10.255.255.255"):
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))  # sends nothing: asks the kernel which of its addresses it would use
            found.add(probe.getsockname()[0])
    return sorted(found)
