"""The sidecar on an engine: beside it, a process of its own measures the bottle's volumes.

    python -m bottle_sidecar.metered USER BYTES FOLDER…

Starts as root with CAP_SETUID, CAP_SETGID and CAP_DAC_READ_SEARCH. The measuring process keeps the last one
alone: an agent has folders that only their owner may enter. The sidecar keeps none, becomes USER, and
reads the verdict from a descriptor. The fork comes before the sidecar's own imports, so it is small.
"""

import os
import runpy
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

from bottle_sidecar import disk, hardening


def main(arguments: Sequence[str]) -> None:
    user, limit, *folders = arguments
    reading, writing = os.pipe()
    sidecar = os.getpid()
    if os.fork() == 0:
        _measure(folders, int(limit), writing, sidecar)
    os.close(writing)
    _become(int(user))
    sys.argv[1:] = [str(reading)]
    runpy.run_module("bottle_sidecar", run_name="__main__", alter_sys=True)


def _measure(folders: Sequence[str], limit: int, verdict: int, sidecar: int) -> NoReturn:
    """Writes the bytes that are too many; ends without a word where they cannot be measured."""

    def pause(seconds: float) -> bool:
        time.sleep(seconds)
        return os.getppid() == sidecar

    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(nothing, stream)
        hardening.keep_capability(hardening.CAP_DAC_READ_SEARCH)
        found = disk.watch(disk.Meter(folders, limit=limit), limit, pause)
        os.write(verdict, b"" if found is None else b"%d\n" % found)
    except (OSError, disk.TooDeepError):
        pass  # said by the end: standard error is the audit log
    finally:
        os._exit(0)


def _become(user: int) -> None:
    """Without a capability from then on: the kernel takes them with root's user id."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


if __name__ == "__main__":
    main(sys.argv[1:])
