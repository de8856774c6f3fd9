"""Brings a bottle and its neighbour up, attacks it from inside, and takes everything down."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import define, evolve, field, frozen

from bottle.backends.base import ExecRequest, Streams
from bottle.errors import BottleError
from bottle.launch.keeping import record_of
from bottle.launch.launcher import LiveBottle
from bottle.launch.resolve import LaunchOptions, Resolved
from bottle.launch.selection import Choice
from bottle.manager import BottleManager
from bottle.manifest.catalog import Catalog
from bottle.plan import PROXY_HOST, PROXY_PORT, WORKSPACE, Keep, LaunchPlan, Workspace
from bottle.progress import Progress
from bottle.selftest import facts, gitfacts, leaks
from bottle.selftest.catalogue import Assault
from bottle.selftest.decoys import Decoys
from bottle.selftest.facts import Scene, Untestable
from bottle.selftest.gitfacts import GitScene
from bottle.selftest.gullible import Gullible
from bottle.selftest.host import prepared
from bottle.selftest.outcome import NOTHING, Outcome, Report, Results, Verdict, judged, reports
from bottle.selftest.repositories import OWN, THEIRS, Repositories, prepared_repositories
from bottle.selftest.runs import Line, Outside, Run, inside
from bottle.selftest.sacrifice import Launch, Sacrifice
from bottle.selftest.servers import Servers, serving

_AGENT = "---\nbottle: selftest\n---\n"
_UNBUILT = "---\nagent_provider: {template: shell}\n---\n"
# Stands for what an agent has of its own: sockets, a process with a telling name, a file.
_INHABITANT = """
import socket, sys, threading
marker, abstract, path, port, file = sys.argv[1:]
open(file, "w").write("of the one who lives here")
listeners = []
for host, family in (("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6)):
    try:
        listeners.append(socket.create_server((host, int(port)), family=family))
    except OSError:
        pass
for name in ("\\0" + abstract, path):
    made = socket.socket(socket.AF_UNIX)
    made.bind(name)
    made.listen()
    listeners.append(made)
print("settled", flush=True)
threading.Event().wait()
"""


_ASK_REPEATEDLY = f"""
for n in 1 2; do curl -sS -m 20 --noproxy '*' -o /dev/null http://{PROXY_HOST}:{PROXY_PORT}/; sleep 0.3; done
"""


@define
class Witnesses:
    """What the host itself saw of the attacks, whatever the probes believe."""

    decoys: Decoys
    servers: Servers
    repositories: Repositories | None
    _visits: int = 0

    def take(self) -> list[str]:
        """What came since the last time."""
        came, self._visits = self.decoys.visits - self._visits, self.decoys.visits
        told = [f"{came} connections came to services of the host"] if came else []
        told += [f"'{request}' reached a server" for request in self.servers.take_forbidden()]
        return [*told, *(self.repositories.take_forbidden() if self.repositories else ())]


@frozen(kw_only=True)
class Suite:
    """One run of `assaults` on one back-end. `manager` and `environ` are the operator's.

    Its manifests lie in a folder of its own; state and cache are the operator's, so that `bottle cleanup`
    knows what a run that was killed has left.
    """

    manager: BottleManager
    environ: Mapping[str, str] = field(repr=False)
    choice: Choice
    assaults: Sequence[Assault]
    progress: Progress
    templates: tuple[str, ...]

    def run(self) -> Results:
        """Raises BottleError where the bottles do not come up."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="bottle-selftest-")))
            self._write(folder, _UNBUILT)
            plan = self._resolved(folder).plan
            self.manager.build(plan)
            repositories = self._repositories(folder, stack)
            git = None if isinstance(repositories, Untestable) else repositories
            servers = stack.enter_context(self._servers(plan, git))
            scene = self._scene(folder, servers, repositories, stack)
            ca_file = folder / "upstream-ca.pem"
            ca_file.write_text(servers.ca_pem)

            def resolved(repository: str) -> Resolved:
                section = git.manifest(repository, servers.git_address) if git else ""
                private = scene.private_names
                self._write(folder, servers.manifest(facts.TOKEN_NAME, str(ca_file), private, section))
                return self._resolved(folder)

            workspace = Workspace(source=scene.host.decoys.workspace)
            own = resolved(OWN)
            works = evolve(own, plan=evolve(own.plan, workspace=workspace, keep=Keep.NEVER))
            bottles = (resolved(THEIRS), works)
            battle = Battle(
                scene=scene,
                assaults=self.assaults,
                witnesses=Witnesses(scene.host.decoys, servers, git),
                progress=self.progress,
            )
            self._launch(bottles, battle, stack, partial(self._launch_expendable, folder))
            return battle.results()

    def _repositories(self, folder: Path, stack: ExitStack) -> Repositories | Untestable:
        """Only where an attack asks for them."""
        if not any(one.claim == "git" for one in self.assaults):
            return Untestable("no attack needs them")
        return stack.enter_context(prepared_repositories(folder))

    def _scene(
        self, folder: Path, servers: Servers, repositories: Repositories | Untestable, stack: ExitStack
    ) -> Scene:
        if isinstance(repositories, Untestable):
            git = gitfacts.missing(repositories)
        else:
            git = GitScene(repositories=repositories, address=servers.git_address).facts()
        host = stack.enter_context(prepared(folder))
        gullible = stack.enter_context(Gullible(servers.host_pem))
        return Scene(
            backend=self.choice.name,
            host=host,
            gullible=gullible.address,
            elsewhere=self.manager.selection.named(self.choice.name).elsewhere(),
            paths=self.manager.paths,
            manifests=folder,
            environ=self.environ,
            git=git,
        )

    @staticmethod
    def _write(folder: Path, manifest: str) -> None:
        for kind, text in (("agents", _AGENT), ("bottles", manifest)):
            (folder / kind).mkdir(exist_ok=True)
            (folder / kind / "selftest.md").write_text(text)

    def _resolved(self, folder: Path) -> Resolved:
        """The manifests as an operator would write them, read as an operator's are."""
        paths = evolve(self.manager.paths, manifests=folder)
        catalog = Catalog(paths, templates=self.templates)
        environ = {**self.environ, facts.TOKEN_NAME: facts.TOKEN, **leaks.ENVIRON}
        resolver = evolve(self.manager.resolver, paths=paths, catalog=catalog, environ=environ)
        return resolver.resolve("selftest", self.choice, LaunchOptions(task="true"))

    @contextmanager
    def _servers(self, plan: LaunchPlan, repositories: Repositories | None) -> Iterator[Servers]:
        """Under an identity of their own, that `bottle cleanup` knows."""
        bottle = self.manager.selection.named(plan.backend).bottle(plan.identity)
        with self.manager.store.claim(record_of(plan)), ExitStack() as stack:
            stack.callback(bottle.remove)
            yield stack.enter_context(serving(bottle, repositories))

    def _launch_expendable(self, folder: Path, work: Callable[[LiveBottle], int]) -> int:
        resolved = self._resolved(folder)
        small = evolve(resolved, plan=evolve(resolved.plan, limits=facts.SMALL))
        return self.manager.launch(small, small.secrets, work)

    def _launch(
        self, bottles: tuple[Resolved, Resolved], battle: "Battle", stack: ExitStack, expendable: Launch
    ) -> None:
        """The neighbour around the attacked one, while the controls that need neither run outside."""
        neighbour, attacked = bottles
        stack.enter_context(battle.outside())

        def beside(live: LiveBottle) -> int:
            with _inhabited(live, facts.NEIGHBOUR_MARKER, facts.NEIGHBOUR_ABSTRACT, facts.NEIGHBOUR_PORT):
                battle.await_controls()
                battle.spend(expendable, live)
                return self.manager.launch(attacked, attacked.secrets, within)

        def within(live: LiveBottle) -> int:
            with _inhabited(live, facts.OWN_MARKER, "own-abstract", facts.NEIGHBOUR_PORT + 1):
                battle.fight(live)
            return 0

        self.manager.launch(neighbour, neighbour.secrets, beside)


@contextmanager
def _inhabited(live: LiveBottle, marker: str, abstract: str, port: int) -> Iterator[None]:
    """Raises BottleError where the process does not come up."""
    words = (marker, abstract, facts.OWN_SOCKET, str(port), facts.OWN_FILE)
    argv = ("python3", "-I", "-c", _INHABITANT, *words)
    read, write = os.pipe2(os.O_CLOEXEC)
    with open(os.devnull, "rb") as nothing, open(read, "rb", 0) as output:  # noqa: PTH123
        streams = Streams(stdin=nothing.fileno(), stdout=write, stderr=write)
        try:
            running = live.bottle.start(
                ExecRequest(argv=argv, env=live.env, cwd=str(WORKSPACE), streams=streams)
            )
        finally:
            os.close(write)
        try:
            told = output.readline()
            if told != b"settled\n":
                raise BottleError(f"the selftest could not settle in {live.identity}: {told.decode()}")
            yield
        finally:
            running.kill()
            running.wait()


def _suffered(neighbour: LiveBottle) -> list[str]:
    """What another bottle has lost by an attack: its processes, or its way out."""
    done = neighbour.capture(("sh", "-ec", _ASK_REPEATEDLY))
    return [] if done.code == 0 else [f"the neighbour is not served any more: {done.stderr.decode()[:200]}"]


@define(kw_only=True)
class Battle:
    """The attacks on one bottle, and what came of them."""

    scene: Scene
    assaults: Sequence[Assault]
    witnesses: Witnesses
    progress: Progress
    _known: Mapping[str, Any] = field(init=False, repr=False)
    _outside: Outside | None = field(default=None, init=False)
    _namespaces: bool = field(default=True, init=False)
    _reports: dict[str, Report] = field(factory=dict, init=False)
    _controls: dict[str, Report] = field(factory=dict, init=False)
    _seen: dict[str, list[str]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._known = self.scene.facts()

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Begins the controls that need no bottle."""
        runs = [
            (one.module, self._known[one.attack.control]) for one in self._applicable if one.attack.outside
        ]
        with Outside.begun(runs) as self._outside:
            yield

    def fight(self, live: LiveBottle) -> None:
        """Controls, attacks, and controls inside. What strangers may have caused is tried once more."""
        self._known = known = self.scene.facts(live.env[facts.TOKEN_NAME], live.bottle.unlimited())
        lasting = [one for one in self._applicable if not one.attack.expendable]
        self._attack(live, lasting, known)
        doubtful = [one for one in lasting if self._seen.get(one.module)]
        if doubtful:
            self._attack(live, doubtful, known)
        runs = [(one.module, known[one.attack.control]) for one in self._applicable if not one.attack.outside]
        with self.progress.step("showing that the probes would succeed elsewhere"):
            self._controls |= reports([module for module, _ in runs], inside(live, runs))

    def await_controls(self) -> None:
        """Those outside, which take the host's services up on their offer: they must not be seen later."""
        assert self._outside is not None
        with self.progress.step("showing that the probes succeed outside"):
            self._controls |= self._with_rights(self._outside.reports())
        self.witnesses.take()

    def spend(self, launch: Launch, neighbour: LiveBottle) -> None:
        """The attacks that a bottle may die of. Neither the host nor the neighbour may notice."""
        self._known = self.scene.facts(unlimited=neighbour.bottle.unlimited())
        chosen = [one for one in self._applicable if one.attack.expendable]
        if not chosen:
            return
        sacrifice = Sacrifice(
            launch=launch, attack=self._expended, harm=lambda: [*self.witnesses.take(), *_suffered(neighbour)]
        )
        with self.progress.step("attacking bottles that may be lost"):
            self._reports |= reports([one.module for one in chosen], sacrifice.lines(chosen))
            doubtful = [one for one in chosen if sacrifice.seen.get(one.module)]
            self._reports |= reports([one.module for one in doubtful], sacrifice.lines(doubtful))
        self._seen |= sacrifice.seen

    def _expended(self, live: LiveBottle, assaults: Sequence[Assault]) -> Iterator[Line]:
        return inside(live, [(one.module, self._known[one.attack.aim]) for one in assaults])

    def results(self) -> Results:
        return Results(backend=self.scene.backend, outcomes=tuple(map(self._outcome, self.assaults)))

    def _outcome(self, assault: Assault) -> Outcome:
        reason = self._obstacle(assault)
        if reason:
            return Outcome(assault=assault, verdict=Verdict.NOT_APPLICABLE, reason=reason)
        report = self._reports.get(assault.module, NOTHING)
        control = self._controls.get(assault.module, NOTHING)
        seen = self._seen.get(assault.module, ())
        return judged(assault, report, control, excuse=self._excuse(assault), witnesses=seen)

    def _excuse(self, assault: Assault) -> str:
        """What a control that aims at the very same, outside, lacks here."""
        attack = assault.attack
        if os.geteuid() == 0 or attack.control != attack.aim:
            return ""
        if attack.root_control:
            return "it needs root"
        return "" if self._namespaces else "it needs root, or user namespaces for ordinary users"

    def _obstacle(self, assault: Assault) -> str | None:
        """Why an attack says nothing here."""
        if self.scene.backend in assault.attack.spared:
            return assault.attack.spared[self.scene.backend]
        missing = [self._known[name] for name in (assault.attack.aim, assault.attack.control)]
        return next((one.reason for one in missing if isinstance(one, Untestable)), None)

    @property
    def _applicable(self) -> list[Assault]:
        return [one for one in self.assaults if not self._obstacle(one)]

    def _with_rights(self, found: dict[str, Report]) -> dict[str, Report]:
        """An ordinary user's controls that showed nothing once more, as root of namespaces of their own."""
        assert self._outside is not None
        again = [(module, aim) for module, aim in self._outside.runs if not found[module].through]
        if not again or os.geteuid() == 0:
            return found
        with Outside.begun(again, as_root=True) as outside:
            better = outside.reports()
        self._namespaces = any(report.attempts for report in better.values())
        return found | {module: found[module].better(report) for module, report in better.items()}

    def _attack(self, live: LiveBottle, assaults: Sequence[Assault], known: Mapping[str, Any]) -> None:
        names = {one.module: str(one) for one in assaults}
        runs: list[Run] = [(one.module, known[one.attack.aim]) for one in assaults]
        self._reports |= reports(names, self._watched(inside(live, runs), names))

    def _watched(self, lines: Iterator[Line], names: Mapping[str, str]) -> Iterator[Line]:
        """Shows who is at work, and notes what the host sees of it meanwhile."""
        current = ""
        with ExitStack() as shown:
            for line in lines:
                if current and ("begins" in line or "over" in line):
                    self._seen[current] = self.witnesses.take()
                if "begins" in line:
                    current = line["begins"]
                    shown.close()
                    shown.enter_context(self.progress.step(names[current]))
                yield line
