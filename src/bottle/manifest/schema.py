"""What a manifest means, typed: every value here is valid and in its one canonical form.

A model of a file has a default where a key is absent; `declared` tells the two apart where that
matters (merging, narrowing). Where a value stands in its file is kept in `places`.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from attrs import field, frozen

from bottle.manifest.problems import Places
from bottle.plan import Limits
from bottle_sidecar.policy.budget import Budget as PolicyBudget
from bottle_sidecar.policy.document import Route
from bottle_sidecar.policy.gate import SSH_PORT, PushRules

DEFAULT_TEMPLATE = "claude"


@frozen(kw_only=True)
class EnvLiteral:
    """The value itself."""

    value: str


@frozen(kw_only=True)
class EnvPrompt:
    """The operator is asked, without echo, at start. `message` is empty where the manifest gives none."""

    message: str


@frozen(kw_only=True)
class HostVariable:
    """Stands for the value of a variable of the operator's environment."""

    name: str


@frozen(kw_only=True)
class EnvTemplate:
    """A text with at least one host variable in it."""

    parts: tuple[str | HostVariable, ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """The host variables' names, in order, each once."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, HostVariable)))

    def render(self, environ: Mapping[str, str]) -> str:
        """The text; raises KeyError with the name of the first variable that is not set."""
        return "".join(environ[part.name] if isinstance(part, HostVariable) else part for part in self.parts)


EnvValue = EnvLiteral | EnvPrompt | EnvTemplate


@frozen(kw_only=True)
class AgentProvider:
    """`version` overrides the agent CLI's pinned version. `dockerfile` is absolute, and need not exist."""

    template: str = DEFAULT_TEMPLATE
    version: str | None = None
    dockerfile: Path | None = None
    auth_token: str | None = None
    forward_host_credentials: bool = False


@frozen(kw_only=True)
class GitUser:
    """Commit identity; None where nothing (or an empty text) is given."""

    name: str | None = None
    email: str | None = None


@frozen(kw_only=True)
class GitRepo:
    """An upstream. `host` in canonical form; `path` begins with `/`; `host_key` is `<type> <base64>`."""

    name: str
    url: str
    user: str
    host: str
    port: int = SSH_PORT
    path: str
    identity: Path
    host_key: str
    push: PushRules | None = None


@frozen(kw_only=True)
class GitGate:
    """`repos` by name; any of them may share an upstream host."""

    user: GitUser = GitUser()
    repos: Mapping[str, GitRepo] = field(factory=dict)


@frozen(kw_only=True)
class RouteSpec:
    """A route as a manifest declares it. `route.ca_pem` is not read yet: `ca_file` (absolute) names it.

    `declared`: the keys that stand in the manifest (`pipelock.*` by their full name), for merging over
    a provider's route of the same host.
    """

    route: Route
    ca_file: Path | None = None
    declared: frozenset[str] = frozenset()


@frozen(kw_only=True)
class Egress:
    """`routes` are unique by host."""

    routes: tuple[RouteSpec, ...] = ()


@frozen(kw_only=True)
class Resources:
    """Limits; None where the manifest leaves the default. `memory` and `disk` in bytes."""

    cpus: float | None = None
    memory: int | None = None
    pids: int | None = None
    disk: int | None = None

    def limits(self, default: Limits) -> Limits:
        return Limits(
            cpus=default.cpus if self.cpus is None else self.cpus,
            memory=default.memory if self.memory is None else self.memory,
            pids=default.pids if self.pids is None else self.pids,
            disk=default.disk if self.disk is None else self.disk,
        )


@frozen(kw_only=True)
class Budget:
    """Most that a bottle may spend; None is unlimited."""

    usd: Decimal | None = None
    tokens: int | None = None
    requests: int | None = None

    def policy(self) -> PolicyBudget:
        """In whole micro-dollars, rounded down but to no less than one."""
        usd_micro = None if self.usd is None else max(1, int(self.usd * 1_000_000))
        return PolicyBudget(usd_micro=usd_micro, tokens=self.tokens, requests=self.requests)


@frozen(kw_only=True)
class BottleManifest:
    """A bottle: one file, or one with all that it extends merged in.

    `declared`: the top-level keys that stand in the file, and `git-gate.repos`.
    """

    name: str
    extends: str | None = None
    env: Mapping[str, EnvValue] = field(factory=dict)
    agent_provider: AgentProvider = AgentProvider()
    git_gate: GitGate = GitGate()
    egress: Egress = Egress()
    supervise: bool = False
    resources: Resources = Resources()
    budget: Budget = Budget()
    declared: frozenset[str] = frozenset()
    places: Places = field(eq=False, repr=False)


@frozen(kw_only=True)
class AgentManifest:
    """An agent. `prompt` is the file's body, stripped; `skills` are folder names."""

    name: str
    bottle: str
    skills: tuple[str, ...] = ()
    git_user: GitUser = GitUser()
    prompt: str = ""
    places: Places = field(eq=False, repr=False)
