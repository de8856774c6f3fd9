"""The launch plan: one frozen value that says everything a start will do, and holds no secret.

Preflight, `--dry-run`, the launcher, the back-ends and the tests all read this one object.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path, PurePosixPath

from attrs import field, frozen

from bottle.errors import EnvironmentLacksError
from bottle_sidecar.policy.document import Policy
from bottle_sidecar.policy.gate import GateRepo

AGENT_USER = "agent"
AGENT_UID = 1000
AGENT_HOME = PurePosixPath("/home/agent")
WORKSPACE = PurePosixPath("/workspace")
AGENT_PATH = (
    "/home/agent/.local/bin:/opt/agent/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)
PROXY_HOST = "127.0.0.1"
PROXY_PORT = 3128
TRUST_STORE = PurePosixPath("/etc/ssl/certs/ca-certificates.crt")


class Trust(StrEnum):
    """Where an agent file came from: the operator's home, or the (perhaps cloned) current directory."""

    HOME = "home"
    CWD = "cwd"


class Provenance(StrEnum):
    """Which manifest a git identity field was taken from."""

    AGENT = "agent"
    BOTTLE = "bottle"


class EnvSource(StrEnum):
    LITERAL = "literal"
    HOST = "host"
    PROMPT = "prompt"
    PLACEHOLDER = "placeholder"
    PROVIDER = "provider"


@frozen(kw_only=True)
class EnvVariable:
    """One variable of the agent's environment. `value` is None where it is secret (see SecretValues.env)."""

    name: str
    source: EnvSource
    value: str | None = field(default=None, repr=False)


@frozen(kw_only=True)
class SeedFile:
    """A file that is in the agent's home before the agent starts. Holds placeholders, never secrets.

    `once`: the agent's CLI rewrites it, and holds its memory in it: a resume leaves it as it is.
    """

    path: PurePosixPath
    content: bytes = field(repr=False)
    mode: int = 0o600
    once: bool = False


@frozen(kw_only=True)
class SeedTree:
    """A host folder (a skill) that is copied to `target` in the agent's home."""

    source: Path
    target: PurePosixPath


@frozen(kw_only=True)
class NpmPackage:
    """The agent CLI as a pinned npm package that ships its own binary; installed without scripts.

    Per machine (`uname -m`): `name`, `suffix` (what the vendor appends to the version of a machine's
    build), and `integrity`, npm's sha512 of the tarball, empty where the operator overrode the version.
    `binaries`: paths inside the package, where `{machine}` stands for the machine, to names on PATH.
    """

    name: Mapping[str, str]
    version: str
    binaries: Mapping[str, str]
    integrity: Mapping[str, str]
    suffix: Mapping[str, str] = field(factory=dict)

    def spec(self, machine: str) -> str:
        """What npm is asked for: `name@version`. Raises EnvironmentLacksError for an unknown machine."""
        if machine not in self.name:
            known = ", ".join(sorted(self.name))
            raise EnvironmentLacksError(f"the agent CLI is not published for '{machine}', only for {known}")
        return f"{self.name[machine]}@{self.version}{self.suffix.get(machine, '')}"

    def executables(self, machine: str) -> Mapping[str, str]:
        """Path inside the package -> name on PATH."""
        return {path.format(machine=machine): name for path, name in self.binaries.items()}


@frozen(kw_only=True)
class AgentProgram:
    """What runs in the bottle; `argv[0]` is looked up on the agent's PATH. `package`: None for the shell.

    `check`: what must succeed there before; empty for nothing. `converses`: it has a conversation, which it
    can go on with when it is started again.
    """

    template: str
    argv: tuple[str, ...]
    package: NpmPackage | None = None
    dockerfile: Path | None = None
    check: tuple[str, ...] = ()
    converses: bool = False


@frozen(kw_only=True)
class GitIdentityField:
    value: str
    provenance: Provenance


@frozen(kw_only=True)
class GitIdentity:
    name: GitIdentityField | None = None
    email: GitIdentityField | None = None


@frozen(kw_only=True)
class Limits:
    """`cpus` in cores; `memory` and `disk` in bytes."""

    cpus: float
    memory: int
    pids: int
    disk: int


class WorkspaceMode(StrEnum):
    """How a directory of the host comes into a bottle.

    `PRIVATE`: the agent's changes stay in the bottle; copy-on-write where that can be had, else a copy.
    `COPY`: always a copy. `MOUNT`: the directory itself, which the agent then writes.
    """

    PRIVATE = "private"
    COPY = "copy"
    MOUNT = "mount"


@frozen(kw_only=True)
class Workspace:
    """`source`: the host's directory, absolute. `excludes`: patterns of what stays out."""

    source: Path
    mode: WorkspaceMode = WorkspaceMode.PRIVATE
    excludes: tuple[str, ...] = ()


class How(StrEnum):
    """How a directory did come in. `OVERLAY`: below a layer that takes what the agent changes."""

    OVERLAY = "overlay"
    COPY = "copy"
    MOUNT = "mount"


class Keep(StrEnum):
    """When a bottle outlives its agent. UNFINISHED: where something would be lost."""

    NEVER = "never"
    UNFINISHED = "unfinished"
    ALWAYS = "always"


@frozen(kw_only=True)
class LaunchPlan:
    """Everything a start will do. `workspace`: None for an empty one.

    `cwd`: where the agent file and the workspace were looked for. `resume`: the bottle is a kept one, and
    goes on.
    """

    identity: str
    agent: str
    agent_file: Path
    agent_trust: Trust
    bottle: str
    bottle_file: Path
    backend: str
    backend_reason: str
    program: AgentProgram
    env: tuple[EnvVariable, ...]
    seed_files: tuple[SeedFile, ...]
    seed_trees: tuple[SeedTree, ...]
    policy: Policy
    git_identity: GitIdentity
    git_upstreams: tuple[GateRepo, ...]
    workspace: Workspace | None
    limits: Limits
    supervise: bool
    interactive: bool
    cwd: Path
    resume: bool = False
    keep: Keep = Keep.UNFINISHED

    @property
    def private_workspace(self) -> bool:
        """Whether what the agent does to its workspace is in the bottle alone."""
        return self.workspace is not None and self.workspace.mode is not WorkspaceMode.MOUNT

    @property
    def worth_keeping(self) -> bool:
        """Whether it is to outlive its owner, if that ended now."""
        match self.keep:
            case Keep.UNFINISHED:
                return self.program.converses or self.private_workspace
            case _:
                return self.keep is Keep.ALWAYS
