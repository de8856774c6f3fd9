"""Settings that make the kernel run programs."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.files import opened

_SETTINGS = (
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/sys/kernel/uevent_helper",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/kernel/hostname",
    "/sys/fs/cgroup/release_agent",
    "/proc/acpi/wakeup",
)


@attack(
    aim="setting_roots",
    source="CVE-2022-0492 (release_agent); core(5), core_pattern",
    expects="read-only, or not permitted",
    control="own_folders_to_search",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Opens for writing all below /proc/sys and /sys: core pattern, hotplug, release agents run programs."""
    for path in _SETTINGS:
        yield path, partial(opened, path, os.O_WRONLY)
    for root in aim:
        yield root, partial(_writable, root)


def _writable(root: str) -> list[str] | None:
    found, end = [], time.monotonic() + 20
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.access(path, os.W_OK):
                with suppress(OSError):
                    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                    found.append(path)
        if time.monotonic() > end or len(found) > 5:
            break
    return found or None
