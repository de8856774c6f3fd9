"""From a plan to the words behind `docker`: pure, no secret in them, each list whole in its test."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from bottle.backends.base import ExecRequest
from bottle.backends.docker.names import Names
from bottle.plan import AGENT_HOME, AGENT_UID, PROXY_PORT, TRUST_STORE, WORKSPACE, Limits

EXIT_FOLDER: Final = "/run/bottle/exit"
TRUST_FOLDER: Final = "/run/bottle/trust"
GATE_FOLDER: Final = "/run/bottle/gate"
MIRRORS_FOLDER: Final = "/run/bottle/git"
SOCKET: Final = f"{EXIT_FOLDER}/socket"
AGENT_USER_ID: Final = f"{AGENT_UID}:{AGENT_UID}"
UNROUTABLE_RESOLVER: Final = "192.0.2.53"  # RFC 5737: documentation only
UP: Final = "up"

_HOLDER = f"echo {UP} && exec cat >/dev/null"
# Of open files no more than this; where the engine grants fewer, these. Its own `--ulimit` would fail there.
_ENTER = 'ulimit -n 65536 2>/dev/null; echo "$$" >"/run/bottle-$0" && exec env "$@"'
# Older engines set the terminal's size only after the process has started: wait for it, one second at most.
_SIZED = (
    'tries=0; while [ "$tries" -lt 50 ] && [ "$(stty size 2>/dev/null)" = "0 0" ]; '
    "do tries=$((tries + 1)); sleep 0.02; done; "
)
_KILL = 'process=$(cat "/run/bottle-$0") && { kill -s KILL -- "-$process" || kill -s KILL "$process"; }'
_ADDED = frozenset({"PATH", "HOSTNAME", "HOME", "TERM", "container", "PWD", "OLDPWD", "SHLVL", "_"})
# Never typed by hand: with the default, Ctrl-P would wait for the key after it.
_NO_DETACHING = "ctrl-^,ctrl-@,ctrl-^,ctrl-@,ctrl-^"
_SIDECAR_USER = "65532"
_METERED = ("/run/bottle/home", "/run/bottle/workspace")
_SIDECAR_MEMORY = "768m"
_SIDECAR_PIDS = "256"
_LOOK_MEMORY = "2g"  # what a copy held is in memory while it is compared: some 80 MB for 100 000 files
_PATIENCE = "60"  # seconds that the listener waits for the sidecar
_MEGABYTE = 1024 * 1024


@frozen(kw_only=True)
class Isolation:
    """What differs between the runtimes: `runtime` None is the engine's own; `seccomp`: the profile's path.

    `unix_exit`: the agent reaches the sidecar by the socket file, for runtimes with a network stack of
    their own, in which no handed-over socket can live. `own_threads`: what the runtime itself needs of
    the container's process limit.
    """

    seccomp: str
    runtime: str | None = None
    unix_exit: bool = False
    own_threads: int = 0


def _hardening(isolation: Isolation) -> tuple[str, ...]:
    """What every container of a bottle has in common."""
    return (
        "--rm",
        "--pull", "never",
        "--log-driver", "none",
        "--init",
        "--read-only",
        "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges",
        "--security-opt", f"seccomp={isolation.seccomp}",
        "--ipc", "private",
        "--cgroupns", "private",
        "--ulimit", "core=0",
    )  # fmt: skip


def agent(names: Names, image: str, limits: Limits, isolation: Isolation) -> tuple[str, ...]:
    """The sandbox, with a holder in it that ends when its standard input does: when the owner dies.

    The trust store hides the image's `/etc/ssl/certs`. `volume-nocopy`: what the image has there
    would otherwise be copied into the volume first.
    """
    exit_volume = names.volume(names.exit, EXIT_FOLDER, "readonly", "volume-nocopy")
    return (
        "run", "--interactive",
        *_hardening(isolation),
        *(("--runtime", isolation.runtime) if isolation.runtime else ()),
        "--name", names.agent,
        *names.label_options("agent"),
        "--hostname", "bottle",
        "--network", "none",
        "--dns", UNROUTABLE_RESOLVER,
        "--user", AGENT_USER_ID,
        *_limits(limits, isolation.own_threads),
        *_memory_folders(limits),
        *names.volume(names.home, str(AGENT_HOME)),
        *names.volume(names.workspace, str(WORKSPACE)),
        *names.volume(names.trust, str(TRUST_STORE.parent), "readonly", "volume-nocopy"),
        *(exit_volume if isolation.unix_exit else ()),
        "--workdir", "/",
        "--entrypoint", "sh",
        image, "-c", _HOLDER,
    )  # fmt: skip


def _limits(limits: Limits, own_threads: int) -> tuple[str, ...]:
    """No swap: what the agent may use of memory is what it gets. `fsize` bounds each file by itself."""
    return (
        "--memory", str(limits.memory),
        "--memory-swap", str(limits.memory),
        "--cpus", f"{limits.cpus:g}",
        "--pids-limit", str(limits.pids + own_threads),
        "--ulimit", f"fsize={limits.disk}",
    )  # fmt: skip


def _memory_folders(limits: Limits) -> tuple[str, ...]:
    """The writable places besides the two volumes; what lies there counts as the bottle's memory."""
    size = max(limits.memory // 2 // _MEGABYTE, 1)
    owner = f"uid={AGENT_UID},gid={AGENT_UID}"
    return (
        "--tmpfs", f"/tmp:rw,exec,nosuid,nodev,mode=1777,size={size}m",  # noqa: S108 - inside the sandbox
        "--tmpfs", f"/var/tmp:rw,exec,nosuid,nodev,mode=1777,size={size}m",  # noqa: S108
        "--tmpfs", f"/run:rw,noexec,nosuid,nodev,mode=0755,{owner},size=16m",
    )  # fmt: skip


def sidecar(
    names: Names, image: str, isolation: Isolation, disk: int, *, gate: bool = False
) -> tuple[str, ...]:
    """Attached: its standard streams are the control channel, and it ends with the CLI that holds them.

    It begins as root to leave a process behind that may read the agent's volumes, and that measures them; the
    sidecar itself has neither the user nor a capability. `gate`: it keeps files of git's.
    """
    gate_volumes = (
        *names.volume(names.gate, GATE_FOLDER),
        *names.shared_volume(names.mirrors, MIRRORS_FOLDER),
    )
    return (
        *_trusted(names, isolation, "sidecar"),
        "--user", "0:0",
        "--cap-add", "SETUID",
        "--cap-add", "SETGID",
        "--cap-add", "DAC_READ_SEARCH",
        *names.volume(names.exit, EXIT_FOLDER),
        *names.volume(names.trust, TRUST_FOLDER),
        *names.volume(names.home, _METERED[0], "readonly", "volume-nocopy"),
        *names.volume(names.workspace, _METERED[1], "readonly", "volume-nocopy"),
        *(gate_volumes if gate else ()),
        "--entrypoint", "python",
        image, "-m", "bottle_sidecar.metered", _SIDECAR_USER, str(disk), *_METERED,
    )  # fmt: skip


def companion(names: Names, image: str, isolation: Isolation, module: str) -> tuple[str, ...]:
    """Another module of the sidecar's package, on the same network; it finds its address by its host name."""
    return (
        *_trusted(names, isolation, "companion"),
        "--entrypoint", "python",
        image, "-m", module, "companion",
    )  # fmt: skip


def _trusted(names: Names, isolation: Isolation, part: str) -> tuple[str, ...]:
    """A container from the sidecar's image on the engine's ordinary bridge."""
    return (
        "run", "--interactive",
        *_hardening(isolation),
        "--name", f"{names.agent}-{part}",
        *names.label_options(part),
        "--hostname", part,
        "--memory", _SIDECAR_MEMORY,
        "--memory-swap", _SIDECAR_MEMORY,
        "--pids-limit", _SIDECAR_PIDS,
        "--tmpfs", "/tmp:rw,noexec,nosuid,nodev,mode=1777,size=64m",  # noqa: S108 - inside the container
    )  # fmt: skip


def listener(names: Names, image: str, isolation: Isolation, addresses: Sequence[str]) -> tuple[str, ...]:
    """The one-shot in the agent's network namespace that makes the exit and then tries to get out."""
    return (
        "run",
        *_hardening(isolation),
        "--name", names.listener,
        *names.label_options("listener"),
        "--network", f"container:{names.agent}",
        "--memory", _SIDECAR_MEMORY,
        "--memory-swap", _SIDECAR_MEMORY,
        "--pids-limit", _SIDECAR_PIDS,
        *names.volume(names.exit, EXIT_FOLDER),
        "--entrypoint", "python",
        image, "-m", "bottle_sidecar.listener",
        "--wait", _PATIENCE, "--identity", names.identity, SOCKET, *addresses,
    )  # fmt: skip


def take_over(names: Names, image: str, isolation: Isolation) -> tuple[str, ...]:
    """Gives the two volumes to the agent's user, where a custom image may have left them to root.

    The one container with a capability, and with root in it: it runs `chown` from our own image and
    has no network.
    """
    return (
        "run",
        *_hardening(isolation),
        "--name", f"{names.agent}-owner",
        *names.label_options("owner"),
        "--network", "none",
        "--cap-add", "CHOWN",
        "--user", "0:0",
        *names.volume(names.home, _METERED[0], "volume-nocopy"),
        *names.volume(names.workspace, _METERED[1], "volume-nocopy"),
        "--entrypoint", "chown",
        image, AGENT_USER_ID, *_METERED,
    )  # fmt: skip


def changes(names: Names, look: str, image: str, isolation: Isolation, filled_ns: int) -> tuple[str, ...]:
    """The one-shot, called `look`, that tells what changed in the workspace; it reads what modes forbid."""
    return (
        "run", "--interactive",
        *_hardening(isolation),
        "--name", look,
        *names.label_options("changes"),
        "--network", "none",
        "--user", "0:0",
        "--cap-add", "DAC_READ_SEARCH",
        "--memory", _LOOK_MEMORY,
        "--memory-swap", _LOOK_MEMORY,
        "--pids-limit", _SIDECAR_PIDS,
        *names.volume(names.workspace, _METERED[1], "readonly", "volume-nocopy"),
        "--entrypoint", "python",
        image, "-m", "bottle_sidecar.changes", "copy", _METERED[1], str(filled_ns),
    )  # fmt: skip


# Isolated: the home of a resumed bottle is its agent's work, and modules in it would run with each Python.
_PYTHON: Final = ("python3", "-I", "-c")


def forwarder(names: Names, source: str) -> tuple[str, ...]:
    return ("exec", "--interactive", names.agent, *_PYTHON, source, SOCKET, str(PROXY_PORT))


def probe(names: Names, source: str, addresses: Sequence[str]) -> tuple[str, ...]:
    """The sidecar's probe inside the sandbox itself, whose network stack no other container can enter."""
    return (
        "exec", names.agent, *_PYTHON, source,
        "--json", "--identity", names.identity, *addresses,
    )  # fmt: skip


@frozen(kw_only=True)
class EnvFile:
    """An environment as the CLI takes it: `lines` of a file, and `inherited` from the CLI's own environment.

    The file comes first in question, since what stands there cannot change what the CLI itself does
    (HOME, PATH, DOCKER_HOST). Values that the file cannot hold are inherited.
    """

    lines: bytes
    inherited: Mapping[str, str]


_LONGEST_LINE = 60_000  # the CLI reads lines of up to 64 KiB


def env_file(env: Mapping[str, str]) -> EnvFile:
    plain = {name: value for name, value in env.items() if _fits_a_line(name, value)}
    lines = "".join(f"{name}={value}\n" for name, value in plain.items())
    inherited = {name: value for name, value in env.items() if name not in plain}
    return EnvFile(lines=lines.encode(), inherited=inherited)


def _fits_a_line(name: str, value: str) -> bool:
    odd = "\n" in value or "\r" in value or any("\ud800" <= letter <= "\udfff" for letter in value)
    return not odd and len(name) + len(value.encode(errors="replace")) < _LONGEST_LINE


def execute(
    names: Names,
    request: ExecRequest,
    *,
    token: str,
    env_path: str,
    inherited: Sequence[str] = (),
    image_env: Sequence[str] = (),
) -> tuple[str, ...]:
    """A process inside. It leaves its number under `token`, for `kill`; killing the CLI would not end it.

    `env -u` takes away what the image, the engine and the shell add: the request's environment is whole.
    """
    surplus = sorted((_ADDED | set(image_env)) - set(request.env))
    return (
        "exec", "--interactive",
        *(("--tty",) if request.terminal else ()),
        "--detach-keys", _NO_DETACHING,
        "--workdir", request.cwd,
        "--env-file", env_path,
        *(word for name in inherited for word in ("--env", name)),
        names.agent,
        "sh", "-c", (_SIZED if request.terminal else "") + _ENTER, token,
        *(word for name in surplus for word in ("-u", name)),
        *request.argv,
    )  # fmt: skip


def kill(names: Names, token: str) -> tuple[str, ...]:
    return ("exec", names.agent, "sh", "-c", _KILL, token)


def unpack(names: Names, target: str) -> tuple[str, ...]:
    """As the agent's user, so that everything becomes this user's, whatever the archive says."""
    return ("exec", "--interactive", names.agent, "tar", "-x", "-p", "-f", "-", "-C", target)
