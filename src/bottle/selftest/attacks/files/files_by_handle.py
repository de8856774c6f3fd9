"""Files by their handle."""

import ctypes
import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.calls import checked, libc
from bottle.selftest.probes.files import mounts


@attack(
    aim="nothing",
    source="S. Krahmer, shocker.c, 2014 (open_by_handle_at)",
    expects="not permitted",
    root_control=True,
)
def attempts(_: None) -> Iterator[Attempt]:
    """Opens files by handle, which looks at no path ("shocker"), from every mount."""
    for mount in mounts():
        yield mount, partial(_by_handle, mount)


def _by_handle(mount: str) -> str:
    """Inode 2 is the root of an ext4."""
    handle = ctypes.create_string_buffer(8 + 128)
    ctypes.memmove(
        handle,
        (8).to_bytes(4, "little") + (1).to_bytes(4, "little") + (2).to_bytes(4, "little") + bytes(4),
        16,
    )
    folder = os.open(mount, os.O_RDONLY)
    checked(libc.open_by_handle_at(folder, handle, os.O_RDONLY))
    return "opened"
