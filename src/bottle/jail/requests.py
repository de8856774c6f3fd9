"""What the host asks of a warden: values that travel as JSON, with descriptors beside them.

A request is {"kind": "hold" | "enter" | "watch", ...fields}. A warden answers a Hold once; the answers to
others come over a socket of their own, so that many can be under way.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

INFO_DESCRIPTOR = 10
SECCOMP_DESCRIPTOR = 11
ARGUMENTS_DESCRIPTOR = 12


class Hold(NamedTuple):
    """Bring a sandbox up. Descriptor: the holder's input.

    `program` is bwrap's file, `libraries` the ones it brings along, and `argv` its arguments. `options`
    are those that it reads from ARGUMENTS_DESCRIPTOR; they name INFO_DESCRIPTOR and SECCOMP_DESCRIPTOR.
    `stage` holds (host path, path it is mounted at) pairs, for `uid`, the host user that root becomes;
    None: the caller stays who it is. `lent` holds (host path, path it is mounted at, user, group): what is
    the user's and the group's there is `uid`'s on the mount. In the new network namespace 127.0.0.1:`port`
    is listened on. `cgroups`: folders that the sandbox joins. `seccomp`: BPF in hexadecimal.

    Answer: {"pid", "started"} of the sandbox's first process, with the listener's descriptor, or {"error"}.
    """

    program: str
    libraries: tuple[str, ...]
    argv: tuple[str, ...]
    options: tuple[str, ...]
    stage: tuple[tuple[str, str], ...]
    lent: tuple[tuple[str, str, int, int], ...]
    uid: int | None
    inner_uid: int
    port: int
    cgroups: tuple[str, ...]
    seccomp: str
    oom_score: int


class Entry(NamedTuple):
    """Start a process in a sandbox. Descriptors: its reply socket and, without `terminal`, three streams.

    `pid`, `started`: the sandbox's first process. `limits`: (RLIMIT_ name, value) pairs. `terminal`:
    (rows, columns). `argv` None runs the isolation probe instead, with `probe` as its arguments.

    Answers on the reply socket: {"started": true} with the terminal's master, if any; then {"exit":
    status} or, for the probe, {"findings": [...]} before it; {"error"} where it could not start. The
    host may send {"kill": true}; the end of the stream has the same meaning.
    """

    pid: int
    started: int
    uid: int
    seccomp: str
    limits: tuple[tuple[str, int], ...]
    cgroups: tuple[str, ...]
    oom_score: int
    argv: tuple[str, ...] | None
    env: Mapping[str, str]
    cwd: str
    terminal: tuple[int, int] | None
    probe: Mapping[str, Any] | None = None


class Watch(NamedTuple):
    """Measure again and again what a sandbox holds of the disk. Descriptor: the reply socket.

    `folders` and `memory` are paths inside: the writable folders, and the file systems in memory whose
    content counts as well. `outside` are folders of the host that hold what is written inside below the
    mount points `covered`. `disk`: how many bytes are allowed.

    Answers {"exceeded": bytes} once there are more, or {"error"} where they cannot be measured; ends
    without a word once the host hangs up.
    """

    pid: int
    started: int
    uid: int
    folders: tuple[str, ...]
    covered: tuple[str, ...]
    outside: tuple[str, ...]
    memory: tuple[str, ...]
    disk: int


Request = Hold | Entry | Watch
_KINDS: Mapping[str, type[Request]] = {"hold": Hold, "enter": Entry, "watch": Watch}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def to_json(request: Request) -> dict[str, Any]:
    return {"kind": _NAMES[type(request)], **request._asdict()}


def from_json(message: Mapping[str, Any]) -> Request:
    """The request behind a message. Raises KeyError or TypeError for anything else."""
    fields = dict(message)
    return _KINDS[fields.pop("kind")](**fields)
