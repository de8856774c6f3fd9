"""What the kernel tells."""

import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack

_KERNEL_FILES = (
    "/proc/kcore",
    "/proc/kmsg",
    "/dev/kmsg",
    "/proc/keys",
    "/proc/vmallocinfo",
    "/proc/timer_list",
    "/proc/sched_debug",
    "/proc/slabinfo",
    "/sys/kernel/debug/x",
    "/sys/firmware/dmi/tables/DMI",
    "/proc/kpagecount",
    "/proc/pagetypeinfo",
)


@attack(
    aim="nothing",
    source="OCI runtime specification, masked paths",
    expects="no such file, not permitted, or empty",
)
def attempts(_: None) -> Iterator[Attempt]:
    """Reads kernel memory, log, keys and addresses through /proc, and settings that tell of the host."""
    for path in _KERNEL_FILES:
        yield path, partial(_content, path)
    yield "/proc/kallsyms", partial(_addresses, "/proc/kallsyms")


def _content(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.read(descriptor, 64)
    finally:
        os.close(descriptor)


def _addresses(path: str) -> str | None:
    with open(path) as file:
        return next((line for line in file if not line.startswith("0000000000000000")), None)
