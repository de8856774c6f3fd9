"""New device files."""

import os
import stat
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack

_DEVICES = {
    "memory": ("c", 1, 1),
    "kernel memory": ("c", 1, 2),
    "log": ("c", 1, 11),
    "disk": ("b", 254, 0),
    "loop": ("b", 7, 0),
}


@attack(
    aim="nothing",
    source="mknod(2); https://docs.kernel.org/admin-guide/cgroup-v1/devices.html",
    expects="not permitted",
    root_control=True,
)
def attempts(_: None) -> Iterator[Attempt]:
    """Makes device files wherever it can write, and opens them."""
    for folder in ("/workspace", "/home/agent", "/tmp", "/dev/shm", "/run", "/var/tmp"):
        for what, (kind, major, minor) in _DEVICES.items():
            device = (stat.S_IFCHR if kind == "c" else stat.S_IFBLK, os.makedev(major, minor))
            yield f"{what} in {folder}", partial(_device, folder, *device)


def _device(folder: str, kind: int, number: int) -> str:
    path = f"{folder}/device-{os.getpid()}"
    os.mknod(path, 0o666 | kind, number)
    try:
        os.close(os.open(path, os.O_RDONLY))
    finally:
        os.unlink(path)
    return "made and opened"
