"""Large files."""

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.resources import MEGABYTE


@attack(
    aim="small_disk",
    source="setrlimit(2), RLIMIT_FSIZE; MITRE ATT&CK T1499.001",
    expects="EFBIG",
    control="little_disk",
    outside=True,
    every=True,
    alone=True,
    expendable=True,
)
def attempts(aim: dict[str, Any]) -> Iterator[Attempt]:
    """Makes one file larger than the disk it is granted: written, allocated, and with a hole."""
    for folder in aim["folders"]:
        for make in (_written, _allocated, _with_a_hole):
            what = make.__name__.strip("_").replace("_", " ")
            yield f"{what} in {folder}", partial(_file, folder, make, aim["bytes"])


def _file(folder: str, make: Callable[[int, int], object], size: int) -> str:
    with tempfile.TemporaryFile(dir=folder) as file:
        make(file.fileno(), size)
        return f"{os.fstat(file.fileno()).st_size} bytes"


def _written(file: int, size: int) -> None:
    for _ in range(max(size // MEGABYTE, 1)):
        if os.write(file, bytes(MEGABYTE)) < MEGABYTE:
            raise OSError("cut short")


def _allocated(file: int, size: int) -> None:
    os.posix_fallocate(file, 0, size)


def _with_a_hole(file: int, size: int) -> None:
    os.ftruncate(file, size)
