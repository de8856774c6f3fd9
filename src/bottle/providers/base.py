"""The contract of a provider: which agent CLI runs in a bottle, and what it must find there.

A provider turns the manifest's wishes into routes (`routes`), and, once these are merged with the
manifest's own, into argv, environment and files (`setup`). Both are pure: nothing is read or run here.
Adding a provider takes one module with one class, and its line in the table of this package.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import ClassVar

from attrs import evolve, field, frozen

from bottle.errors import ManifestError, UsageError
from bottle.paths import Paths
from bottle.plan import AGENT_HOME, WORKSPACE, GitIdentity, NpmPackage, SeedFile, SeedTree
from bottle.providers.login import HostLogin, LoginError
from bottle.secret import Secret
from bottle_sidecar.policy.document import Auth, Route
from bottle_sidecar.policy.gate import GateRepo

_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?")


class ProviderKeyError(ManifestError):
    """The value of `agent_provider.<key>` is not for this provider; whoever has the file adds the place."""

    def __init__(self, key: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.key = key


class CredentialKind(StrEnum):
    """What a credential is: it decides the header it travels in and the variable its placeholder needs."""

    SUBSCRIPTION = "subscription token"
    API_KEY = "API key"


@frozen(kw_only=True)
class ProviderConfig:
    """The manifest's `agent_provider`. `auth_token` names a host variable, `credential` its value's kind."""

    auth_token: str | None = None
    credential: CredentialKind = CredentialKind.SUBSCRIPTION
    forward_host_credentials: bool = False


@frozen(kw_only=True)
class AgentContext:
    """All that a provider needs to know of one launch.

    `routes`: the merged policy, manifest's and provider's. `placeholders`: by `token_ref`.
    `login`: the operator's own, where the bottle borrows it. `resume`: the conversation in the home goes on.
    `manifest_env`: names that the manifest sets in the agent's environment. `terminal`: the
    operator's TERM and COLORTERM. `skills`: host folders. `task`: what a headless agent does; None
    for a session at a terminal. `arguments`: the operator's own, behind `--`.
    """

    routes: tuple[Route, ...] = ()
    placeholders: Mapping[str, str] = field(factory=dict, repr=False)
    login: HostLogin | None = None
    manifest_env: frozenset[str] = frozenset()
    terminal: Mapping[str, str] = field(factory=dict)
    prompt: str = ""
    skills: tuple[Path, ...] = ()
    git_identity: GitIdentity = field(factory=GitIdentity)
    git_upstreams: tuple[GateRepo, ...] = ()
    task: str | None = None
    arguments: tuple[str, ...] = ()
    resume: bool = False
    remote_control: bool = False
    home: PurePosixPath = AGENT_HOME
    workspace: PurePosixPath = WORKSPACE

    def auth(self, host: str) -> Auth | None:
        """The credential that the sidecar injects for `host`, whoever granted it."""
        return next((route.auth for route in self.routes if route.host == host), None)

    def skill_trees(self, folder: str) -> tuple[SeedTree, ...]:
        """The skills, copied below `folder` of the agent's home."""
        return tuple(SeedTree(source=skill, target=self.home / folder / skill.name) for skill in self.skills)

    def prompt_file(self) -> SeedFile | None:
        """The agent's system prompt as a file; None where the manifest has none."""
        if not self.prompt:
            return None
        return SeedFile(path=self.home / ".bot-bottle" / "prompt.md", content=self.prompt.encode())


@frozen(kw_only=True)
class AgentSetup:
    """What to run and what it finds. `env`, `files`: placeholders at most, never a secret.

    `env` is the provider's part of the environment; the manifest's comes on top of it.
    `warnings`: what the operator should know before the launch. `check`: a command that must succeed in the
    bottle before the agent starts; empty for none.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    files: tuple[SeedFile, ...] = ()
    trees: tuple[SeedTree, ...] = ()
    check: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def gives(self, placeholder: str) -> bool:
        """Whether the agent's own CLI gets this placeholder."""
        in_files = any(placeholder.encode() in file.content for file in self.files)
        return in_files or placeholder in self.env.values()


class Provider(ABC):
    """One agent CLI. `template` is its name in manifests; `package` is None where nothing is installed."""

    template: ClassVar[str]
    package: ClassVar[NpmPackage | None]
    converses: ClassVar[bool] = True
    """Whether it has a conversation that it can go on with."""
    login_command: ClassVar[str] = ""
    """By which the operator logs in on the host."""

    @abstractmethod
    def routes(self, config: ProviderConfig) -> tuple[Route, ...]:
        """The hosts that the CLI cannot do without. Raises ManifestError for keys that are not its own."""

    @abstractmethod
    def setup(self, context: AgentContext) -> AgentSetup:
        """How to run it. Raises UsageError for options that it does not have."""

    def credential_kind(self, credential: Secret) -> CredentialKind:  # noqa: ARG002
        """What the value behind `auth_token` is, judged by the vendor's published prefixes."""
        return CredentialKind.SUBSCRIPTION

    def login_file(self, environ: Mapping[str, str], paths: Paths) -> Path | None:  # noqa: ARG002
        """Where the CLI keeps the operator's login on the host; None where it has none to lend."""
        return None

    def login(self, content: bytes, *, now: float) -> HostLogin:  # noqa: ARG002
        """The login in such a file. Raises LoginError where it cannot be lent."""
        raise LoginError(f"the provider '{self.template}' has no login to lend")

    def with_version(self, version: str) -> NpmPackage:
        """The package at the version that a manifest asks for, which npm's own checksum alone then guards."""
        if self.package is None:
            message = f"the provider '{self.template}' installs nothing that has a version"
            raise ProviderKeyError("version", message)
        if not _VERSION.fullmatch(version):
            raise ProviderKeyError(
                "version",
                f"'{version}' is not a version of '{self.template}'",
                hint=f"name one exactly, such as {self.package.version}",
            )
        if version == self.package.version:
            return self.package
        return evolve(self.package, version=version, integrity={})

    def refuse(self, config: ProviderConfig, *keys: str) -> None:
        """Raises ManifestError where `config` has one of `keys`, which belong to another provider."""
        for key in keys:
            if getattr(config, key):
                raise ProviderKeyError(key, f"{key} is not for the provider '{self.template}'")

    def refuse_remote_control(self, context: AgentContext) -> None:
        if context.remote_control:
            raise UsageError(f"the provider '{self.template}' has no --remote-control")
