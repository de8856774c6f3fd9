"""Processes named so that no stranger is ever taken for them: a pid together with its start time."""

import os


def started(pid: int) -> int | None:
    """The start time of a process in clock ticks since boot; None where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib is slow to import
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {b"Z", b"X"} else int(fields[19])


def handle(pid: int, start: int) -> int | None:
    """A pidfd of exactly that process, whose pid cannot be reused while it is held; None where it is gone."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    if started(pid) != start:
        os.close(descriptor)
        return None
    return descriptor


def status_code(status: int) -> int:
    """A wait status as a shell tells it: 128 + n where signal n ended the process."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def join(cgroups: tuple[str, ...]) -> None:
    """Moves this process into the groups."""
    for folder in cgroups:
        with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write("0")


def prefer_for_oom(score: int) -> None:
    """Where memory runs out, the kernel ends a process with a higher score first."""
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(str(score))
