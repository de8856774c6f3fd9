"""A mount on which the files of one owner are another's: what root's sandboxes see of a host's directory."""

import os
import signal
from collections.abc import Iterator
from itertools import pairwise

from bottle.jail import kernel

_IDS = 2**32 - 1  # how many there are; the last number is none


def lend(folder: int, owner: tuple[int, int], uid: int) -> int:
    """A mount that is nowhere yet of `folder`, where what is `owner`'s (user, group) is `uid`'s, and back.

    To be called by root. Raises OSError where the kernel or the file system cannot do it.
    """
    mount = kernel.clone_mount(folder)
    namespace = _namespace(*("".join(_lines(number, uid)) for number in owner))
    try:
        kernel.map_owners(mount, namespace)
    except BaseException:
        os.close(mount)
        raise
    finally:
        os.close(namespace)
    return mount


def _lines(number: int, shown: int) -> Iterator[str]:
    """Of a /proc/PID/uid_map: `number` is shown as `shown`, a free number; the others stay as they are."""
    yield f"{number} {shown} 1\n"
    edges = [-1, *sorted((number, shown)), _IDS]
    for below, above in pairwise(edges):
        if above - below > 1:
            yield f"{below + 1} {below + 1} {above - below - 1}\n"


def _namespace(uid_map: str, gid_map: str) -> int:
    """A descriptor of a user namespace in which nothing runs."""
    ready, ready_in = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        _wait_in_namespace(ready_in)
    os.close(ready_in)
    try:
        if os.read(ready, 1) != b"+":
            raise OSError("no user namespace can be made")
        for name, text in (("uid_map", uid_map), ("gid_map", gid_map)):
            with open(f"/proc/{child}/{name}", "wb") as file:  # noqa: PTH123 - pathlib is slow to import
                file.write(text.encode())
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _wait_in_namespace(ready: int) -> None:
    """In the forked child: never returns."""
    try:
        kernel.unshare(kernel.CLONE_NEWUSER)
        kernel.die_with_parent(signal.SIGKILL)
        os.write(ready, b"+")
        signal.pause()
    finally:
        os._exit(1)
