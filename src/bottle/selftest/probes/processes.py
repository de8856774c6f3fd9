"""Processes and namespaces; goes into a bottle beside the attacks."""

import os

NAMESPACES = {
    "mnt": 0x00020000, "cgroup": 0x02000000, "uts": 0x04000000, "ipc": 0x08000000,
    "user": 0x10000000, "pid": 0x20000000, "net": 0x40000000, "time": 0x80,
}  # fmt: skip


SENTRY = {"gvisor": "it changes what its kernel in user space knows, and nothing of the host's"}


def processes_seen() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit()]
