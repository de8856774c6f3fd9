"""A bottle on a real engine, with a real sidecar, for the integration tests of the docker back-ends."""

import io
import os
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from attrs import field, frozen

from bottle.assets import Assets
from bottle.backends.base import BackendContext, ExecRequest, Running, Streams
from bottle.backends.docker.backend import DockerBackend
from bottle.backends.docker.bottle import DockerBottle
from bottle.paths import Paths
from bottle.plan import AGENT_PATH, AgentProgram, GitIdentity, LaunchPlan, Limits, Trust
from bottle.progress import Silent
from bottle.secret import Secret
from bottle.sidecar.assets import bundled, content_digest, write
from bottle.sidecar.process import SidecarProcess
from bottle.terminal import TerminalSize
from bottle_sidecar.control.protocol import Start
from bottle_sidecar.policy.document import Policy
from support.engine.model import Engine

MEGABYTE = 1024 * 1024
SECONDS = 60.0


@frozen(kw_only=True)
class Result:
    code: int
    output: str


@frozen(kw_only=True)
class LiveBottle:
    """A bottle that is up."""

    bottle: DockerBottle
    env: Mapping[str, str] = field(factory=lambda: {"PATH": AGENT_PATH, "HOME": "/home/agent"})

    def start(self, *argv: str, output: int, env: Mapping[str, str] | None = None) -> Running:
        stdin = os.open(os.devnull, os.O_RDONLY)
        try:
            return self.bottle.start(
                ExecRequest(
                    argv=argv,
                    env={**self.env, **(env or {})},
                    cwd="/workspace",
                    streams=Streams(stdin=stdin, stdout=output, stderr=output),
                )
            )
        finally:
            os.close(stdin)

    def run(self, script: str, *, env: Mapping[str, str] | None = None) -> Result:
        """A shell script in the bottle, both streams together."""
        return self.execute("sh", "-c", script, env=env)

    def execute(self, *argv: str, env: Mapping[str, str] | None = None) -> Result:
        with tempfile.TemporaryFile() as output:
            code = self.start(*argv, output=output.fileno(), env=env).wait()
            output.seek(0)
            return Result(code=code, output=output.read().decode(errors="replace"))

    @contextmanager
    def terminal(self, *argv: str, size: TerminalSize) -> Iterator[Running]:
        request = ExecRequest(argv=argv, env={**self.env, "TERM": "xterm"}, cwd="/workspace", terminal=size)
        running = self.bottle.start(request)
        try:
            yield running
        finally:
            running.kill()
            running.wait()
            assert running.master is not None
            os.close(running.master)


def read_until(descriptor: int, wanted: str) -> str:
    """What came until `wanted` was in it. Raises AssertionError with what came instead."""
    deadline, text = time.monotonic() + SECONDS, b""
    os.set_blocking(descriptor, False)
    while wanted.encode() not in text:
        assert time.monotonic() < deadline, text
        try:
            text += os.read(descriptor, 65536)
        except BlockingIOError:
            time.sleep(0.01)
        except OSError as error:
            raise AssertionError(f"the terminal ended after {text!r}") from error
    return text.decode(errors="replace")


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@contextmanager
def archive(files: Mapping[str, bytes], mode: int = 0o600) -> Iterator[IO[bytes]]:
    """A tar stream whose owner is nobody's."""
    with tempfile.TemporaryFile() as stream:
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.uid = len(content), mode, 4242
                tar.addfile(entry, io.BytesIO(content))
        stream.seek(0)
        yield stream


@frozen(kw_only=True)
class DockerLab:
    """One operator's home on the engine. `kind`: the back-end under test."""

    engine: Engine
    folder: Path
    kind: type[DockerBackend] = DockerBackend
    environ: Mapping[str, str] = field(factory=dict)

    @property
    def paths(self) -> Paths:
        return Paths.from_environment({"HOME": str(self.folder)}, uid=os.getuid(), cwd=self.folder)

    def backend(self) -> DockerBackend:
        environ = {**self.engine.environment(), **self.environ}
        return self.kind(BackendContext(paths=self.paths, environ=environ, uid=os.getuid()))

    def assets(self) -> Assets:
        contents, root = bundled(), self.folder / "assets"
        if not root.exists():
            root.mkdir(parents=True)
            write(contents, root)
        return Assets(root=root, digest=content_digest(contents))

    def plan(
        self, identity: str, *, dockerfile: Path | None = None, limits: Limits | None = None
    ) -> LaunchPlan:
        return LaunchPlan(
            identity=identity,
            agent="agent",
            agent_file=self.folder / "agent.md",
            agent_trust=Trust.HOME,
            bottle="bottle",
            bottle_file=self.folder / "bottle.md",
            backend=self.kind.name,
            backend_reason="test",
            program=AgentProgram(template="shell", argv=("sh",), dockerfile=dockerfile),
            env=(),
            seed_files=(),
            seed_trees=(),
            policy=Policy(),
            git_identity=GitIdentity(),
            git_upstreams=(),
            workspace=None,
            limits=limits or Limits(cpus=2, memory=512 * MEGABYTE, pids=128, disk=1024 * MEGABYTE),
            supervise=False,
            interactive=False,
            cwd=self.folder,
        )

    def build(self, plan: LaunchPlan) -> DockerBackend:
        backend = self.backend()
        backend.build(self.assets(), plan, Silent())
        return backend

    @contextmanager
    def launched(
        self, identity: str, *, tokens: Mapping[str, Secret] | None = None, plan: LaunchPlan | None = None
    ) -> Iterator[LiveBottle]:
        """As the launcher does it, up to the agent's start; everything is taken down at the end."""
        plan = plan or self.plan(identity)
        bottle = self.build(plan).bottle(identity)
        try:
            with self.sidecar(bottle, plan, tokens or {}) as sidecar:
                bottle.create(plan, trust_store=sidecar.ready.trust_store)
                yield LiveBottle(bottle=bottle)
        finally:
            bottle.remove()

    def sidecar(self, bottle: DockerBottle, plan: LaunchPlan, tokens: Mapping[str, Secret]) -> SidecarProcess:
        launch = bottle.sidecar(plan)
        start = Start(
            identity=plan.identity,
            policy=plan.policy,
            exit=launch.exit,
            tokens={name: secret.reveal() for name, secret in tokens.items()},
        )
        return SidecarProcess(launch.command, start, log=self.folder / f"{plan.identity}.log")

    def docker(self, *arguments: str) -> str:
        return self.backend()._engine.run(*arguments).text

    def names(self, listing: Sequence[str], identity: str) -> Sequence[str]:
        label = f"label=bot-bottle.identity={identity}"
        return self.docker(*listing, "--quiet", "--filter", label).splitlines()
