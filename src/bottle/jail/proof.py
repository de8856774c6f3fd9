"""What must hold inside a sandbox, seen from inside by a process that is confined as the agent will be.

The network is `bottle_sidecar.probe`'s part.
"""

import os
from collections.abc import Iterable, Mapping, Sequence

_STATUS = {
    "CapInh": "0000000000000000",
    "CapPrm": "0000000000000000",
    "CapEff": "0000000000000000",
    "CapBnd": "0000000000000000",
    "CapAmb": "0000000000000000",
    "NoNewPrivs": "1",
    "Seccomp": "2",
}
_ABSENT = (
    "/root",
    "/srv",
    "/boot",
    "/sys/kernel",
    "/etc/shadow",
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd",
    "/run/podman",
    "/run/dbus",
    "/run/systemd",
    "/run/user",
    "/dev/kvm",
    "/dev/net/tun",
    "/dev/mem",
)
_READ_ONLY = ("/", "/usr", "/usr/bin", "/etc", "/etc/ssl/certs", "/dev", "/opt", "/home")
_MOST_PROCESSES = 4


def findings(*, uid: int, home: str) -> Sequence[str]:
    """Everything that is not as it must be, in words for the operator."""
    return [*_identity(uid), *_processes(), *_files(home)]


def _identity(uid: int) -> Iterable[str]:
    with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123 - pathlib may not be there
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    wanted: Mapping[str, str] = {
        **_STATUS,
        "Uid": "\t".join([str(uid)] * 4),
        "Gid": "\t".join([str(uid)] * 4),
    }
    for name, value in wanted.items():
        if status.get(name) != value:
            yield f"{name} is {status.get(name)}, not {value}"


def _processes() -> Iterable[str]:
    count = sum(name.isdigit() for name in os.listdir("/proc"))  # noqa: PTH208
    if count > _MOST_PROCESSES:
        yield f"{count} processes are visible"


def _files(home: str) -> Iterable[str]:
    for path in _ABSENT:
        if os.path.lexists(path):
            yield f"{path} is there"
    others = [name for name in os.listdir("/home") if f"/home/{name}" != home]  # noqa: PTH208
    if others:
        yield f"/home holds {', '.join(others)}"
    for path in _READ_ONLY:
        if os.access(path, os.W_OK):
            yield f"{path} is writable"
