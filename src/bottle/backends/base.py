"""The contract of a back-end: what isolates the agent.

`Backend` says whether it can run here, builds what it needs, and hands out `Bottle`s. A `Bottle` is
the handle of one sandbox and of all host resources that carry its identity; it can be made from the
identity alone, so that teardown, `cleanup` after kill -9, and `exec` from another process are one path.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, ClassVar, Protocol

from attrs import field, frozen

from bottle.assets import Assets
from bottle.paths import Paths
from bottle.plan import How, LaunchPlan
from bottle.proc import Command
from bottle.progress import Progress
from bottle.terminal import TerminalSize as TerminalSize  # noqa: PLC0414 - part of this contract
from bottle_sidecar.control.protocol import Exit


@frozen(kw_only=True)
class BackendContext:
    """What every back-end is made from: `Backend(context)`.

    `environ` is what outside programs (docker, npm) run with, and holds `BOT_BOTTLE_*` and proxy
    settings that a back-end may honour. `uid` is the operator's.
    """

    paths: Paths
    environ: Mapping[str, str] = field(repr=False)
    uid: int


@frozen(kw_only=True)
class Availability:
    """Whether a back-end can run here; `detail` says what was found, `hint` what would mend it."""

    usable: bool
    detail: str
    hint: str | None = None


Overuse = Callable[[int | None], None]
"""Called, at most once and from any thread, with the bytes that a bottle holds of the disk once they are more
than its plan allows; with None where they can no longer be measured."""


@frozen(kw_only=True)
class GatePlaces:
    """Folders. `scratch`: empty, removed with the bottle. `sockets`: with a short path. `cache`: shared."""

    scratch: str
    sockets: str
    cache: str | None


@frozen(kw_only=True)
class SidecarLaunch:
    """How to start a bottle's sidecar: run `command`, stdin and stdout piped, and send `exit` in Start.

    `measures`: it tells itself of too much use of the disk; otherwise `Bottle.watch` does.
    `gate`: where the git gate keeps its files, as the sidecar sees it; None where it has nothing to serve.
    """

    command: Command
    exit: Exit
    measures: bool = False
    gate: GatePlaces | None = None


@frozen(kw_only=True)
class CopiedIn:
    """How a copied workspace began. `filled_ns`: since the epoch, when it was whole, by its machine's clock.

    `base`: a file that lists what it held, as gzipped JSON lines.
    """

    filled_ns: int
    base: Path


@frozen(kw_only=True)
class Streams:
    """File descriptors that become the process's standard streams."""

    stdin: int
    stdout: int
    stderr: int


@frozen(kw_only=True)
class ExecRequest:
    """A process inside the sandbox, as the agent's user.

    With `terminal` it gets a controlling terminal of that size, in a session of its own; `streams`
    is then unused. `env` is its whole environment (a back-end adds nothing).
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: str
    terminal: TerminalSize | None = None
    streams: Streams | None = None


@frozen(kw_only=True)
class Arrival:
    """How a sandbox that is up has its workspace. `COPY`: it is empty, and `put` fills it.

    `note`: why it is not as it was asked for, where that is so.
    """

    how: How = How.COPY
    note: str = ""


class Running(ABC):
    """A process inside the sandbox. `master`: the terminal's controlling end, where one was asked for."""

    master: int | None

    @abstractmethod
    def wait(self) -> int:
        """The exit status, 128 + n where signal n ended it."""

    @abstractmethod
    def resize(self, size: TerminalSize) -> None: ...

    @abstractmethod
    def kill(self) -> None:
        """Ends the process; no error where it ended before."""


class Resource(Protocol):
    """Something on the host that carries an identity. `remove` is idempotent."""

    @property
    def identity(self) -> str: ...

    def describe(self) -> str: ...

    def remove(self) -> None: ...


class Bottle(ABC):
    """One sandbox and all of its host resources."""

    identity: str

    @abstractmethod
    def sidecar(self, plan: LaunchPlan) -> SidecarLaunch:
        """Makes what the sidecar needs (a volume, a directory) and says how to start it."""

    @abstractmethod
    def companion(self, module: str) -> Command:
        """Says how to run another module of the sidecar's package beside the sidecar.

        Its one argument is the address, or a name of it, at which the sidecar can reach it. It must end
        with its standard input; `remove` ends it, too.
        """

    @abstractmethod
    def create(self, plan: LaunchPlan, *, trust_store: str) -> Arrival:
        """Brings the sandbox up, hands its exit to the running sidecar, and proves the isolation.

        `trust_store` (PEM) becomes the sandbox's system trust store. Afterwards /home/agent and
        /workspace exist, owned by the agent's user; they are empty, unless the answer says that the plan's
        directory is shown in /workspace, or a `suspend` left something there. Raises IsolationError where
        the proof fails.
        """

    def watch(self, plan: LaunchPlan, overuse: Overuse) -> None:
        """From now on has `overuse` called, unless the sidecar `measures`. After `create`."""
        raise NotImplementedError

    @abstractmethod
    def halt(self) -> None:
        """Ends every process inside, at once; everything else stays until `remove`. From any thread."""

    @abstractmethod
    def put(self, target: str, archive: IO[bytes]) -> None:
        """Unpacks a tar stream into a directory of the sandbox; everything becomes the agent's user's."""

    @abstractmethod
    def start(self, request: ExecRequest) -> Running:
        """Starts a process inside. Raises NotRunningError where the sandbox is gone."""

    @abstractmethod
    def changes(self, start: CopiedIn | None) -> AbstractContextManager[IO[bytes]]:
        """What `bottle_sidecar.changes` tells of the workspace, as it is now, whether or not anything runs.

        `start` None: the workspace is an overlay. After `Backend.equip`. Raises CommandFailed at its end.
        """

    @abstractmethod
    def running(self) -> bool: ...

    def unlimited(self) -> Collection[str]:
        """Which resources of the plan's limits the sandbox, which is up, is not held to."""
        return ()

    @abstractmethod
    def kept(self) -> bool:
        """Whether what `suspend` left is there."""

    @abstractmethod
    def suspend(self) -> None:
        """As `remove`, but home and workspace stay, and `create` finds them as they were; idempotent."""

    @abstractmethod
    def remove(self) -> None:
        """Ends every process and removes every host resource of this identity; idempotent."""


class Backend(ABC):
    """One way of isolating an agent."""

    name: ClassVar[str]

    def __init__(self, context: BackendContext) -> None:
        self.context = context

    @abstractmethod
    def availability(self) -> Availability:
        """Probes the machine; quick, changes nothing."""

    def elsewhere(self) -> str | None:
        """Where bottles run, if that is another machine than this one."""
        return None

    @abstractmethod
    def check(self, plan: LaunchPlan) -> None:
        """Raises UsageError where `plan` asks for what no bottle of this kind can have."""

    @abstractmethod
    def build(self, assets: Assets, plan: LaunchPlan, progress: Progress) -> None:
        """Checks the plan, builds sidecar and agent; returns at once where they are cached."""

    def equip(self, assets: Callable[[], Assets], progress: Progress) -> None:  # noqa: B027 - often nothing
        """Builds what looking into a workspace takes, which is less than a launch does."""

    @abstractmethod
    def bottle(self, identity: str) -> Bottle:
        """The handle for an identity, whether or not anything of it exists yet."""

    @abstractmethod
    def resources(self) -> Sequence[Resource]:
        """Every host resource that carries an identity of this operator, live ones included."""
