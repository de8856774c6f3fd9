"""A private dockerd: start, stop, and nothing left behind."""

import json
import os
import select
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from attrs import field, frozen

from bottle.proc import DEVNULL, Command, Process, run, spawn
from support.engine.link import Link, lay
from support.engine.model import BUILD

START_SECONDS = 60
STOP_SECONDS = 30


@frozen(kw_only=True)
class Daemon:
    """`work`: sockets and logs, short for the length limit of socket paths. `data`: images and layers.

    `process` is None where another process started the daemon.
    """

    work: Path
    data: Path
    pid: int
    link: Link
    process: Process | None = field(default=None, eq=False, repr=False)

    @property
    def docker_host(self) -> str:
        return f"unix://{self.work}/docker.sock"

    def docker(self, *arguments: str, timeout: float = 60.0) -> str:
        argv = ("docker", "--host", self.docker_host, *arguments)
        return run(Command(argv=argv, timeout=timeout)).text

    def stop(self) -> None:
        """Ends every container and process of this engine and removes what it made."""
        containers = self.docker("ps", "--all", "--quiet").split() if _alive(self.pid) else []
        if containers:
            self.docker("rm", "--force", "--volumes", *containers, timeout=120)
        _end(self.pid)
        if self.process is not None:
            self.process.wait()
        for pid in _processes_naming(str(self.work)):
            _signal(pid, signal.SIGKILL)
        self.link.cut()
        _remove_control_groups(self.work.name)
        shutil.rmtree(self.data)
        shutil.rmtree(self.work)

    def save(self, path: Path) -> None:
        path.write_text(
            json.dumps(
                {
                    "work": str(self.work),
                    "data": str(self.data),
                    "pid": self.pid,
                    "number": self.link.number,
                    "forwarding": self.link.forwarding,
                }
            )
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        saved = json.loads(path.read_text())
        return cls(
            work=Path(saved["work"]),
            data=Path(saved["data"]),
            pid=saved["pid"],
            link=Link(number=saved["number"], forwarding=saved["forwarding"]),
        )


def start(runtimes: Mapping[str, object]) -> Daemon:
    """A running engine that answers. `runtimes`: as in dockerd's own configuration file."""
    BUILD.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="bbe-", dir="/tmp"))
    data = Path(tempfile.mkdtemp(prefix="engine-", dir=BUILD))
    (work / "daemon.json").write_text(json.dumps({"runtimes": runtimes}))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, (work / "log").open("wb") as log:
        ready.bind(str(work / "ready"))
        process = spawn(
            Command(argv=_argv(work, data), env=os.environ | {"NOTIFY_SOCKET": str(work / "ready")}),
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
            new_session=True,
        )
        _await_ready(ready, process, work / "log")
    return Daemon(work=work, data=data, pid=process.pid, link=lay(process.pid), process=process)


def _argv(work: Path, data: Path) -> tuple[str, ...]:
    """`unshare` executes dockerd in place, so the process started is dockerd."""
    return (
        *("unshare", "--mount", "--net", "--"),
        *("dockerd", "--config-file", str(work / "daemon.json")),
        *("--host", f"unix://{work}/docker.sock"),
        *("--pidfile", str(work / "pid")),
        *("--exec-root", str(work / "exec")),
        *("--data-root", str(data)),
        *("--storage-driver", "overlay2"),
        *("--exec-opt", "native.cgroupdriver=cgroupfs"),
        *("--cgroup-parent", f"/{work.name}"),
    )


def _await_ready(ready: socket.socket, process: Process, log: Path) -> None:
    """Waits for the daemon's own notice (sd_notify), or for its end."""
    ready.settimeout(1)
    for _ in range(START_SECONDS):
        try:
            if b"READY=1" in ready.recv(4096):
                return
        except TimeoutError:
            if process.poll() is not None:
                break
    process.kill()
    process.wait()
    raise RuntimeError(f"dockerd did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _alive(pid: int) -> bool:
    try:
        return "docker" in Path(f"/proc/{pid}/comm").read_text()
    except FileNotFoundError:
        return False


def _end(pid: int) -> None:
    """SIGTERM, SIGKILL where that does not suffice; waits either way."""
    if not _alive(pid):
        return
    descriptor = os.pidfd_open(pid)
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(descriptor, number)
            if _ended(descriptor):
                return
    finally:
        os.close(descriptor)


def _ended(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], STOP_SECONDS)[0])


def _processes_naming(text: str) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if text.encode() in arguments and int(path.parent.name) != os.getpid():
            yield int(path.parent.name)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _remove_control_groups(name: str) -> None:
    for root in (Path("/sys/fs/cgroup") / name, *Path("/sys/fs/cgroup").glob(f"*/{name}")):
        for folder, _, _ in os.walk(root, topdown=False):
            Path(folder).rmdir()
