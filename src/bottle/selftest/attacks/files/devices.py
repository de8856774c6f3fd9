"""Device files that are there."""

import os
import stat
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.files import opened


@attack(
    aim="devices",
    source="MITRE ATT&CK T1611, escape to host",
    expects="no such device",
)
def attempts(aim: dict[str, Any]) -> Iterator[Attempt]:
    """Looks for device files that give more than null, zero and random, and opens the disks'."""
    for path in aim["paths"]:
        yield path, partial(opened, path, os.O_RDWR)
    harmless = {(major, minor) for major, minor in aim["harmless"]}
    yield "others", partial(_other_devices, harmless)


def _other_devices(harmless: set[tuple[int, int]]) -> list[str]:
    return [path for path in _device_files("/dev") if not _is_one_of(harmless, path)]


def _device_files(root: str) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        if folder != "/dev/pts":
            yield from (os.path.join(folder, name) for name in names)


def _is_one_of(harmless: set[tuple[int, int]], path: str) -> bool:
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    number = (os.major(status.st_rdev), os.minor(status.st_rdev))
    return kind not in {stat.S_IFBLK, stat.S_IFCHR} or (kind == stat.S_IFCHR and number in harmless)
