"""Files of a sandbox that are open and have no name any more: they take space, and no walk finds them."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress

from bottle.jail import kernel
from bottle_sidecar import disk

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class OpenFiles:
    """Those that were opened by way of the mounts at `folders`, in any process of `pid`'s sandbox.

    `proc`: a descriptor of the host's /proc. To be made on the host; `sizes` is for whoever has entered the
    sandbox with CAP_SYS_PTRACE over it.
    """

    def __init__(self, proc: int, pid: int, folders: Sequence[str]) -> None:
        self._proc = proc
        self._namespace = os.stat(f"{pid}/ns/pid", dir_fd=proc).st_ino
        mounts = [line.split() for line in self._read(f"{pid}/mountinfo")]
        self._mounts = {number for number, _, _, _, place, *_ in mounts if place in folders}

    def sizes(self) -> Iterator[float]:
        """The bytes of each file once, however many hold it."""
        seen = set()
        for process in filter(str.isdigit, os.listdir(self._proc)):  # noqa: PTH208
            for number, status in self._of(process):
                if (
                    not stat.S_ISREG(status.st_mode)
                    or status.st_nlink
                    or self._mount(number) not in self._mounts
                ):
                    continue
                if (status.st_dev, status.st_ino) not in seen:
                    yield disk.share(status)
                seen.add((status.st_dev, status.st_ino))

    def _of(self, process: str) -> Iterator[tuple[str, os.stat_result]]:
        """(its fdinfo, status) of each descriptor; none where the process is not of the sandbox."""
        with suppress(OSError):
            if os.stat(f"{process}/ns/pid", dir_fd=self._proc).st_ino != self._namespace:
                return
            try:
                folder = os.open(f"{process}/fd", _FOLDER, dir_fd=self._proc)
            except PermissionError:
                yield from self._of_untraceable(process)
                return
            try:
                for name in os.listdir(folder):  # noqa: PTH208
                    with suppress(OSError):
                        yield f"{process}/fdinfo/{name}", os.stat(name, dir_fd=folder)
            finally:
                os.close(folder)

    def _of_untraceable(self, process: str) -> Iterator[tuple[str, os.stat_result]]:
        """One that has made itself undumpable: its descriptors are not listed, but can be borrowed."""
        handle = os.pidfd_open(int(process))
        try:
            sizes = [
                line.split()[1] for line in self._read(f"{process}/status") if line.startswith("FDSize:")
            ]
            for number in range(int(sizes[0])):
                with suppress(OSError):
                    borrowed = kernel.borrow_descriptor(handle, number)
                    try:
                        yield f"{os.getpid()}/fdinfo/{borrowed}", os.fstat(borrowed)
                    finally:
                        os.close(borrowed)
        finally:
            os.close(handle)

    def _mount(self, fdinfo: str) -> str:
        """By which mount a file was opened. Not its device: an overlay's files may show that of a layer."""
        with suppress(OSError):
            return next((line.split()[1] for line in self._read(fdinfo) if line.startswith("mnt_id:")), "")
        return ""

    def _read(self, path: str) -> list[str]:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._proc), "rb") as file:  # noqa: PTH123
            return file.read().decode(errors="replace").splitlines()
