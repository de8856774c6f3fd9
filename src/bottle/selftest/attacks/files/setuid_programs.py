"""Programs that lend rights."""

import os
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from bottle.selftest.kit import Attempt, attack

_NOBODY = 65534


@attack(
    aim="every_program",
    source="CVE-2021-4034 (pkexec)",
    expects="they run without others' rights",
    control="harmless_programs",
    outside=True,
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Starts every set-user-id and set-group-id program that it finds, and looks whose rights it has."""
    for path in aim or _setuid_files():
        yield path, partial(_gained, path)


def _setuid_files() -> list[str]:
    found = []
    for root in ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec", "/bin", "/sbin", "/opt"):
        for folder, _, names in os.walk(root):
            for path in (os.path.join(folder, name) for name in names):
                with suppress(OSError):
                    if os.lstat(path).st_mode & (stat.S_ISUID | stat.S_ISGID) and os.path.isfile(path):
                        found.append(path)
    return found


def _gained(path: str) -> str | None:
    """Its effective ids, seen while it waits for input. The control gives root up first.

    In a session of its own, it asks for nothing on the operator's terminal.
    """
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    own = (os.geteuid(), os.getegid())
    with subprocess.Popen(
        (path,),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as started:
        try:
            ids = [_ids(started.pid) for _ in range(20)]
        finally:
            started.kill()
    return next((str(found) for found in ids if found and found != own), None)


def _ids(process: int) -> tuple[int, int] | None:
    time.sleep(0.005)
    with suppress(OSError), open(f"/proc/{process}/status") as file:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if line.startswith(("Uid:", "Gid:")))
        return int(lines["Uid"].split()[1]), int(lines["Gid"].split()[1])
    return None
