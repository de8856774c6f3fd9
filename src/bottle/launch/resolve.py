"""Manifest, options and the operator's environment become a plan and the values that it refers to.

With `host_values`, the only reader of the operator's environment. What is resolved here is complete:
nothing downstream looks at a manifest or at the environment again.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve, field, frozen

from bottle.errors import EnvironmentLacksError
from bottle.launch.decoy import Decoy, placeholder
from bottle.launch.git_wishes import GitWishes
from bottle.launch.host_values import HostValues
from bottle.launch.keeping import Kept
from bottle.launch.login import Lent, LoginFile
from bottle.launch.selection import Choice
from bottle.launch.workspace import workspace_of
from bottle.manifest.catalog import Catalog, LoadedAgent, LoadedBottle
from bottle.manifest.schema import EnvLiteral, EnvPrompt, EnvTemplate, RouteSpec
from bottle.paths import Paths
from bottle.plan import (
    AgentProgram,
    EnvSource,
    EnvVariable,
    Keep,
    LaunchPlan,
    Limits,
    Workspace,
    WorkspaceMode,
)
from bottle.providers.base import AgentContext, AgentSetup, Provider, ProviderConfig, ProviderKeyError
from bottle.providers.login import LoginError
from bottle.secret import Secret, SecretValues
from bottle.state.identity import new_identity
from bottle_sidecar.policy.document import Policy, Route
from bottle_sidecar.policy.merge import RouteConflictError, merge_routes

DEFAULT_LIMITS = Limits(cpus=float(min(2, os.cpu_count() or 1)), memory=4 << 30, pids=1024, disk=20 << 30)
_TERMINAL_VARIABLES = ("TERM", "COLORTERM")


@frozen(kw_only=True)
class LaunchOptions:
    """What the command line adds to the manifest. `task` None: a session at the operator's terminal.

    `workspace`: how the current directory comes in; None where it does not. `keep`: the bottle is kept,
    however its agent ends.
    """

    workspace: WorkspaceMode | None = None
    remote_control: bool = False
    arguments: tuple[str, ...] = ()
    task: str | None = None
    keep: bool = False


@frozen(kw_only=True)
class Question:
    """A value that the operator is asked for, without echo, once the launch is agreed to."""

    variable: str
    message: str


@frozen(kw_only=True)
class Resolved:
    """A plan, the values behind it, and what is still to be asked. `lent`: the operator's own login."""

    plan: LaunchPlan
    secrets: SecretValues
    questions: tuple[Question, ...]
    warnings: tuple[str, ...]
    lent: Lent | None = None

    def answered(self, answers: Mapping[str, Secret]) -> SecretValues:
        return evolve(self.secrets, env={**self.secrets.env, **answers})


@frozen(kw_only=True)
class Resolver:
    catalog: Catalog
    providers: Mapping[str, Provider]
    paths: Paths
    environ: Mapping[str, str] = field(repr=False)

    def resolve(
        self, agent_name: str, choice: Choice, options: LaunchOptions, kept: Kept | None = None
    ) -> Resolved:
        """Raises ManifestError for what is wrong in a file, EnvironmentLacksError for what the host lacks.

        `kept`: the bottle that the plan goes on with; None for a new one.
        """
        return self._resolution(agent_name, options, strict=True, kept=kept).result(choice)

    def resume(self, kept: Kept, choice: Choice, options: LaunchOptions) -> Resolved:
        """The plan that goes on with a kept bottle, from the manifests as they are now.

        Raises as `resolve`, and BottleError where what they say now does not fit what was kept.
        """
        record = kept.record
        cwd = Path(record.cwd) if record.cwd else self.paths.cwd
        paths = evolve(self.paths, cwd=cwd)
        there = evolve(self, paths=paths, catalog=self.catalog.at(paths))
        options = evolve(options, keep=options.keep or record.keep)
        resolved = there.resolve(record.agent, choice, options, kept)
        kept.check(resolved.plan)
        return resolved

    def inspect(self, agent_name: str, choice: Choice) -> Resolved:
        """The same, only to look: host variables that are not set become warnings. Raises ManifestError."""
        return self._resolution(agent_name, LaunchOptions(), strict=False).result(choice)

    def _resolution(
        self, agent_name: str, options: LaunchOptions, *, strict: bool, kept: Kept | None = None
    ) -> "_Resolution":
        agent = self.catalog.agent(agent_name)
        bottle = self.catalog.bottle_of(agent)
        host = HostValues(bottle=bottle, environ=self.environ, strict=strict)
        return _Resolution(resolver=self, agent=agent, bottle=bottle, options=options, host=host, kept=kept)


@frozen(kw_only=True)
class _Resolution:
    """One resolving: the steps share what was loaded. `kept`: the bottle that goes on; None for a new one."""

    resolver: Resolver
    agent: LoadedAgent
    bottle: LoadedBottle
    options: LaunchOptions
    host: HostValues
    kept: Kept | None = None

    def result(self, choice: Choice) -> Resolved:
        manifest = self.bottle.manifest
        provider = self.resolver.providers[manifest.agent_provider.template]
        lent = self._lent(provider)
        routes = self._routes(provider)
        tokens = self.host.tokens(routes, lent)
        placeholders = self._placeholders(tokens, lent)
        setup = provider.setup(self._context(routes, placeholders, lent))
        decoy = Decoy.again(self.kept.honeytokens.decoys) if self.kept else Decoy.make()
        plan = LaunchPlan(
            identity=self.kept.record.identity if self.kept else new_identity(self.agent.manifest.name),
            agent=self.agent.manifest.name,
            agent_file=self.agent.file,
            agent_trust=self.agent.trust,
            bottle=manifest.name,
            bottle_file=self.bottle.file,
            backend=choice.name,
            backend_reason=choice.reason,
            program=self._program(provider, setup),
            env=tuple(self._env(setup, placeholders)),
            seed_files=(*setup.files, decoy.file),
            seed_trees=setup.trees,
            policy=self._policy(routes),
            git_identity=self._git.identity,
            git_upstreams=self._git.upstreams,
            workspace=self._workspace(),
            limits=manifest.resources.limits(DEFAULT_LIMITS),
            supervise=manifest.supervise,
            interactive=self.options.task is None,
            cwd=self.resolver.paths.cwd,
            resume=self.kept is not None,
            keep=Keep.ALWAYS if self.options.keep else Keep.UNFINISHED,
        )
        return Resolved(
            plan=plan,
            secrets=evolve(self._secret_values(tokens, placeholders), decoys=decoy.values),
            questions=tuple(self._questions()),
            warnings=(*self._warnings(tokens, lent), *setup.warnings),
            lent=lent,
        )

    def _placeholders(self, tokens: Mapping[str, Secret], lent: Lent | None) -> dict[str, str]:
        """A login's is made anew for a resume, too: it says when the login ends."""
        before = self.kept.honeytokens.placeholders if self.kept else {}
        placeholders = {name: before.get(name) or placeholder() for name in tokens}
        if lent:
            placeholders[lent.login.token_ref] = lent.login.placeholder()
        return placeholders

    def _workspace(self) -> Workspace | None:
        if self.kept:
            return self.kept.workspace
        mode = self.options.workspace
        return workspace_of(self.resolver.paths, mode) if mode else None

    def _lent(self, provider: Provider) -> Lent | None:
        """The operator's own login, where the manifest asks for it and it can be lent."""
        path = provider.login_file(self.resolver.environ, self.resolver.paths)
        if path is None or not self.bottle.manifest.agent_provider.forward_host_credentials:
            return None
        try:
            return Lent.of(LoginFile(path=path, provider=provider), now=time.time())
        except LoginError as error:
            message = f"the login in {path} cannot be lent to a bottle: {error}"
            self.host.lack(message, provider.login_command, "agent_provider", "forward_host_credentials")
            return None

    def _routes(self, provider: Provider) -> tuple[Route, ...]:
        manifest_routes = self._manifest_routes()
        try:
            return merge_routes(self._provider_routes(provider), manifest_routes)
        except RouteConflictError as conflict:
            hosts = [route.host for route in manifest_routes]
            place = ("egress", "routes", hosts.index(conflict.host))
            raise self.bottle.manifest.places.error(*place, message=str(conflict)) from conflict

    def _policy(self, routes: tuple[Route, ...]) -> Policy:
        try:
            return Policy(routes=routes, budget=self.bottle.manifest.budget.policy())
        except ValueError as error:
            raise self.bottle.manifest.places.error("budget", message=str(error)) from error

    def _provider_routes(self, provider: Provider) -> tuple[Route, ...]:
        with self._placed():
            return provider.routes(self._provider_config(provider))

    @contextmanager
    def _placed(self) -> Iterator[None]:
        """Says where the key stands that a provider refuses."""
        try:
            yield
        except ProviderKeyError as error:
            places = self.bottle.manifest.places
            raise places.error("agent_provider", error.key, message=error.message, hint=error.hint) from error

    def _provider_config(self, provider: Provider) -> ProviderConfig:
        declared = self.bottle.manifest.agent_provider
        config = ProviderConfig(
            auth_token=declared.auth_token, forward_host_credentials=declared.forward_host_credentials
        )
        if not declared.auth_token:
            return config
        value = self.host.value(declared.auth_token, "agent_provider", "auth_token")
        return evolve(config, credential=provider.credential_kind(Secret(value)))

    def _manifest_routes(self) -> tuple[Route, ...]:
        specs = self.bottle.manifest.egress.routes
        return tuple(self._with_ca(index, spec) for index, spec in enumerate(specs))

    def _with_ca(self, index: int, spec: RouteSpec) -> Route:
        if spec.ca_file is None:
            return spec.route
        try:
            pem = spec.ca_file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise EnvironmentLacksError(
                f"the CA file {spec.ca_file} cannot be read: {error}",
                location=self.host.location("egress", "routes", index, "ca_file"),
            ) from error
        return evolve(spec.route, ca_pem=pem)

    def _context(
        self, routes: tuple[Route, ...], placeholders: Mapping[str, str], lent: Lent | None
    ) -> AgentContext:
        environ = self.resolver.environ
        return AgentContext(
            routes=routes,
            placeholders=placeholders,
            login=lent.login if lent else None,
            manifest_env=frozenset(self.bottle.manifest.env),
            terminal={name: environ[name] for name in _TERMINAL_VARIABLES if environ.get(name)},
            prompt=self.agent.manifest.prompt,
            skills=tuple(self._skills()),
            git_identity=self._git.identity,
            git_upstreams=self._git.upstreams,
            task=self.options.task,
            arguments=self.options.arguments,
            remote_control=self.options.remote_control,
            resume=self.kept is not None,
        )

    @property
    def _git(self) -> GitWishes:
        return GitWishes(agent=self.agent.manifest, bottle=self.bottle.manifest)

    def _skills(self) -> Iterator[Path]:
        for index, name in enumerate(self.agent.manifest.skills):
            folder = self.resolver.paths.skills / name
            if not folder.is_dir():
                places = self.agent.manifest.places
                hint = "install the skill, or remove it here"
                raise places.error("skills", index, message=f"there is no folder {folder}", hint=hint)
            yield folder

    def _program(self, provider: Provider, setup: AgentSetup) -> AgentProgram:
        declared = self.bottle.manifest.agent_provider
        with self._placed():
            package = provider.with_version(declared.version) if declared.version else provider.package
        return AgentProgram(
            template=provider.template,
            argv=setup.argv,
            package=package,
            dockerfile=declared.dockerfile,
            check=setup.check,
            converses=provider.converses,
        )

    def _env(self, setup: AgentSetup, placeholders: Mapping[str, str]) -> Iterator[EnvVariable]:
        manifest = self.bottle.manifest.env
        for name, value in setup.env.items():
            if name not in manifest:
                yield EnvVariable(name=name, source=EnvSource.PROVIDER, value=value)
        for name, value in placeholders.items():
            if name not in manifest and not setup.gives(value):
                yield EnvVariable(name=name, source=EnvSource.PLACEHOLDER, value=value)
        for name, declared in manifest.items():
            match declared:
                case EnvLiteral(value=value):
                    yield EnvVariable(name=name, source=EnvSource.LITERAL, value=value)
                case EnvPrompt():
                    yield EnvVariable(name=name, source=EnvSource.PROMPT)
                case EnvTemplate():
                    yield EnvVariable(name=name, source=EnvSource.HOST)

    def _secret_values(self, tokens: dict[str, Secret], placeholders: dict[str, str]) -> SecretValues:
        environ = self.resolver.environ
        proxy = environ.get("HTTPS_PROXY") or environ.get("https_proxy")
        return SecretValues(
            tokens=tokens,
            placeholders=placeholders,
            env=dict(self.host.env()),
            sources=dict(self.host.sources()),
            upstream_proxy=Secret(proxy) if proxy else None,
            no_proxy=environ.get("NO_PROXY") or environ.get("no_proxy"),
            git_keys=dict(self.host.git_keys()),
        )

    def _questions(self) -> Iterator[Question]:
        for name, declared in self.bottle.manifest.env.items():
            if isinstance(declared, EnvPrompt):
                yield Question(variable=name, message=declared.message or f"value of {name}")

    def _warnings(self, tokens: Mapping[str, Secret], lent: Lent | None) -> Iterator[str]:
        yield from dict.fromkeys(str(error) for error in self.host.lacking)
        if lent and (soon := lent.ends_soon(now=time.time())):
            yield soon
        yield from (str(problem) for problem in (*self.agent.warnings, *self.bottle.warnings))
        manifest = self.bottle.manifest
        for name, value in manifest.env.items():
            if isinstance(value, EnvTemplate) and (given := set(value.variables) & set(tokens)):
                says = f"the agent gets the value of {', '.join(sorted(given))}, which a route injects, too"
                yield f"{self.host.location('env', name)}: {says}"
        if manifest.supervise:
            yield f"{self.bottle.file}: supervise is accepted but not served by this version"
