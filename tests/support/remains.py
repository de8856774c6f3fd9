"""What bottles leave on a machine, by looking at the machine and not at what `bottle` says."""

import fnmatch
import os
import re
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

from attrs import field, frozen

from bottle.backends.docker.names import OPERATOR_LABEL, operator_of
from bottle.paths import Paths
from bottle.proc import Command, run
from support.project import BottleProject

_LABEL = "bot-bottle.identity"
_SIDECAR_LABEL = "bot-bottle.part=sidecar"
_PAUSE = 0.05
_TRIAL_NAME = re.compile("[a-z0-9_]{8}")


@frozen(kw_only=True)
class Remains:
    """One look: processes, engine resources, mounts, control groups and files."""

    found: frozenset[str] = field(factory=frozenset)

    @classmethod
    def now(cls, project: BottleProject) -> Self:
        looks = (
            _processes(project),
            _engine(project),
            _mounts(),
            _cgroups(project),
            _files(project),
        )
        return cls(found=frozenset(item for look in looks for item in look))

    @classmethod
    def left_since(cls, project: BottleProject, before: Self, seconds: float) -> list[str]:
        """What is there now and was not `before`; what is just ending gets `seconds` to."""
        deadline = time.monotonic() + seconds
        while left := cls.now(project).found - before.found:
            if time.monotonic() > deadline:
                return sorted(left)
            time.sleep(_PAUSE)
        return []


def sidecars(project: BottleProject) -> list[str]:
    """What could still carry traffic for this operator's bottles."""
    own = (entry for entry in _processes(project) if "bottle_sidecar" in entry)
    native = [entry for entry in own if " docker run " not in entry]
    return native + list(_listed(project, ("ps",), _SIDECAR_LABEL))


def kill_all(project: BottleProject) -> None:
    """Kills what runs for this operator's bottles at once, the owners first, as a power cut would."""
    for pid in sorted(map(int, _family(project, ()))):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if containers := list(_listed(project, ("ps",), _LABEL)):
        run(Command(argv=("docker", "kill", *containers), env=project.environ), check=False)


def namespaces(project: BottleProject) -> frozenset[str]:
    """Every namespace that this operator's bottles are in and this machine's other processes are not."""
    shims = set(_shims(_listed(project, ("ps", "--no-trunc"), _LABEL)))
    inside = {name for pid in _family(project, shims) for name in _namespaces_of(Path("/proc") / pid)}
    # What a shim has just started is in the engine's own ones until it enters the container's.
    outside = {name for pid in ("self", "1", *shims) for name in _namespaces_of(Path("/proc") / pid)}
    return frozenset(inside - outside)


def existing(wanted: frozenset[str], seconds: float) -> frozenset[str]:
    """Those of the namespaces that a process or a mount still keeps after `seconds`."""
    deadline = time.monotonic() + seconds
    while left := _kept(wanted):
        if time.monotonic() > deadline:
            return left
        time.sleep(_PAUSE)
    return left


def _kept(wanted: frozenset[str]) -> frozenset[str]:
    kept = {name for process in Path("/proc").glob("[0-9]*") for name in _namespaces_of(process)}
    mounted = Path("/proc/self/mountinfo").read_text()
    return frozenset(name for name in wanted if name in kept or name in mounted)


def _family(project: BottleProject, shims: Iterable[str]) -> set[str]:
    """The pids of the operator's processes, their descendants, and those of the containers' `shims`."""
    family = {entry.split(":")[0].removeprefix("process ") for entry in _processes(project)}
    for shim in shims:
        family |= _children(shim)
    waiting = list(family)
    while waiting:
        new = _children(waiting.pop()) - family
        waiting += new
        family |= new
    return family


def _children(pid: str) -> set[str]:
    """Of all its threads: the kernel lists each one's own."""
    found: set[str] = set()
    with suppress(OSError):
        for listing in Path(f"/proc/{pid}/task").glob("*/children"):
            found |= set(listing.read_text().split())
    return found


def _shims(containers: Iterable[str]) -> Iterator[str]:
    """The parents of containers. `docker inspect` would wait for an archive that is on its way in."""
    names = {container.encode() for container in containers}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith((b"containerd-shim-runc-v2", b"containerd-shim")) and names & set(words):
                yield folder.name


def _namespaces_of(process: Path) -> Iterator[str]:
    for kind in ("net", "mnt", "pid", "user", "ipc", "uts"):
        with suppress(OSError):
            yield str((process / "ns" / kind).readlink())


def _processes(project: BottleProject) -> Iterator[str]:
    """Those that have one of the operator's paths in their arguments, environment or open files."""
    marks = [str(project.folder).encode(), project.environ["XDG_RUNTIME_DIR"].encode()]
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        with suppress(OSError):
            arguments = (folder / "cmdline").read_bytes()
            texts = [arguments, (folder / "environ").read_bytes(), *_open_files(folder)]
            if any(mark in text for mark in marks for text in texts):
                yield f"process {folder.name}: {arguments.replace(bytes(1), b' ').decode(errors='replace')}"


def _open_files(process: Path) -> Iterator[bytes]:
    for descriptor in (process / "fd").iterdir():
        with suppress(OSError):
            yield os.fsencode(descriptor.readlink())


def _engine(project: BottleProject) -> Iterator[str]:
    if project.environ["BOT_BOTTLE_BACKEND"] == "native":
        return
    for listing in (("ps", "--all"), ("volume", "ls"), ("network", "ls")):
        for line in _listed(project, listing, _LABEL):
            yield f"docker {listing[0]} {line}"


def _listed(project: BottleProject, listing: tuple[str, ...], label: str) -> Iterator[str]:
    if project.environ["BOT_BOTTLE_BACKEND"] != "native":
        filters = ("--filter", f"label={operator_label(project)}", "--filter", f"label={label}")
        argv = ("docker", *listing, "--quiet", *filters)
        yield from run(Command(argv=argv, env=project.environ)).text.splitlines()


def operator_label(project: BottleProject) -> str:
    """The label that everything of this operator carries on an engine."""
    paths = Paths.from_environment(
        {"BOT_BOTTLE_HOME": str(project.home)}, uid=os.getuid(), cwd=project.folder
    )
    return f"{OPERATOR_LABEL}={operator_of(paths)}"


def _mounts() -> Iterator[str]:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        yield f"mount {line.split()[1]}"


def _cgroups(project: BottleProject) -> Iterator[str]:
    for agent in (project.home / "agents").glob("*.md"):
        name = f"bot-bottle.*.{agent.stem}-*"
        for folder, groups, _ in os.walk("/sys/fs/cgroup"):  # passes over those that end meanwhile
            yield from (f"control group {folder}/{group}" for group in fnmatch.filter(groups, name))


def _files(project: BottleProject) -> Iterator[str]:
    for place in (project.home / "state", Path(project.environ["XDG_RUNTIME_DIR"])):
        for path in place.rglob("*"):
            yield f"file {path}"
    for path in Path(project.environ["TMPDIR"]).rglob("*"):
        if not _is_trial(path):
            yield f"file {path}"


def _is_trial(path: Path) -> bool:
    """Whether Python was killed as it tried whether it can write there (`tempfile.gettempdir`)."""
    try:
        return bool(_TRIAL_NAME.fullmatch(path.name)) and path.read_bytes() in {b"", b"blat"}
    except OSError:
        return False
