"""The native back-end: bubblewrap, namespaces, seccomp; no daemon, no image, nothing to install as root."""

import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import which

from attrs import frozen

import bottle
from bottle.assets import Assets
from bottle.backends.base import Availability, Backend, BackendContext, Resource
from bottle.backends.native import cgroup, places, processes, seccomp
from bottle.backends.native.accounts import Accounts
from bottle.backends.native.agent_cli import AgentCli
from bottle.backends.native.bottle import NativeBottle, NativeHost
from bottle.backends.native.places import Places
from bottle.backends.native.venv import SidecarVenv, VenvBuilder
from bottle.cache import BuildCache
from bottle.errors import EnvironmentLacksError, UsageError
from bottle.plan import LaunchPlan
from bottle.proc import Command, run
from bottle.progress import Progress

_GATE_PROGRAMS = ("git", "ssh", "ssh-agent", "ssh-add", "setpriv", "prlimit")
_TRIAL = "import sys; sys.path.insert(0, sys.argv[1]); from bottle.jail.trial import main; main()"
_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_CLONE_SWITCH = Path("/proc/sys/kernel/unprivileged_userns_clone")


@frozen(kw_only=True)
class NativeResource:
    """All that is left of one bottle on this host."""

    identity: str
    parts: Sequence[str]
    bottle: NativeBottle

    def describe(self) -> str:
        return f"native sandbox ({', '.join(self.parts)})"

    def remove(self) -> None:
        self.bottle.remove()


class NativeBackend(Backend):
    name = "native"

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        cache = BuildCache(context.paths.cache)
        self._paths = context.paths
        self._cli = AgentCli(cache=cache, environ=context.environ)
        self._venvs = VenvBuilder(cache=cache, environ=context.environ)
        self._accounts = Accounts(places.runs(context.paths) / ".users") if context.uid == 0 else None
        self._venv: SidecarVenv | None = None

    def availability(self) -> Availability:
        if sys.platform != "linux":
            return Availability(usable=False, detail="needs Linux", hint="use --backend docker")
        if platform.machine() not in {machine.uname for machine in seccomp.Machine}:
            return Availability(usable=False, detail=f"no system call filter for {platform.machine()}")
        problem = _try_namespaces()
        if problem:
            return Availability(usable=False, detail=f"user namespaces: {problem}", hint=_namespace_hint())
        return Availability(usable=True, detail=f"bubblewrap; user namespaces are permitted; {_limited()}")

    def check(self, plan: LaunchPlan) -> None:
        if plan.program.dockerfile:
            raise UsageError(
                f"the native backend builds no images, and the bottle asks for {plan.program.dockerfile}",
                hint="use --backend docker",
            )

    def build(self, assets: Assets, plan: LaunchPlan, progress: Progress) -> None:
        self.check(plan)
        if plan.git_upstreams and (missing := [name for name in _GATE_PROGRAMS if not which(name)]):
            raise EnvironmentLacksError(
                f"the git gate of the native backend needs {', '.join(missing)} on this host",
                hint="sudo apt-get install -y git openssh-client util-linux",
            )
        self._venv = self._venvs.build(assets, progress)
        if plan.program.package:
            self._cli.install(plan.program.package, progress)

    def bottle(self, identity: str) -> NativeBottle:
        mirrors = places.mirrors(self._paths)
        host = NativeHost(accounts=self._accounts, venv=self._venv, cli=self._cli, mirrors=mirrors)
        return NativeBottle(Places.of(self._paths, identity), host)

    def resources(self) -> Sequence[Resource]:
        parts: dict[str, list[str]] = {}
        for identity in places.identities(self._paths):
            parts.setdefault(identity, []).append("folders")
        for found in processes.find(places.scope_of(places.runs(self._paths))):
            parts.setdefault(found.identity, []).append(f"process {found.pid}")
        for identity in self._accounts.holders() if self._accounts else ():
            parts.setdefault(identity, []).append("host users")
        return [
            NativeResource(identity=identity, parts=tuple(names), bottle=self.bottle(identity))
            for identity, names in sorted(parts.items())
        ]


def _try_namespaces() -> str | None:
    """What a real attempt said, None where it worked."""
    root = str(Path(bottle.__file__).parent.parent)
    command = Command(argv=(sys.executable, "-I", "-S", "-c", _TRIAL, root), env={}, cwd="/", timeout=20)
    done = run(command, check=False)
    return None if done.code == 0 else done.stderr.decode(errors="replace").strip() or f"exit {done.code}"


def _limited() -> str:
    """Which limits would hold beside those that need no control group."""
    found = cgroup.possible()
    missing = [name for name in cgroup.CONTROLLERS if name not in found]
    if not missing:
        return "memory, pids and cpu can be limited"
    return f"{', '.join(missing)} cannot be limited by a control group (see the reference, Backends, Limits)"


def _namespace_hint() -> str:
    if _APPARMOR.exists() and _APPARMOR.read_text().strip() == "1":
        return "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    if _CLONE_SWITCH.exists() and _CLONE_SWITCH.read_text().strip() == "0":
        return "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    return "sudo sysctl -w user.max_user_namespaces=15000"
