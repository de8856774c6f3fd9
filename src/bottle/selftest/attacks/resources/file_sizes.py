"""A file that fills the disk."""

import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="large_files",
    source="MITRE ATT&CK T1499, endpoint denial of service; setrlimit(2), RLIMIT_FSIZE",
    expects="the file is too large",
    control="small_files",
    every=True,
)
def attempts(aim: tuple[list[str], int]) -> Iterator[Attempt]:
    """Makes a file larger than the bottle's limit allows. It has a hole, and takes no room."""
    folders, size = aim
    for folder in folders:
        yield f"{size >> 20} MB in {folder}", partial(_made, folder, size)


def _made(folder: str, size: int) -> str:
    path = f"{folder}/large-{os.getpid()}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        os.pwrite(descriptor, b"x", size - 1)
        return "written"
    finally:
        os.close(descriptor)
        os.unlink(path)
