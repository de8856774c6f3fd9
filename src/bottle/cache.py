"""Built things, each made once under a lock and moved into place whole."""

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from bottle.progress import Progress


@frozen
class BuildCache:
    """Folders under `root`, named `<name>-<key>`, where `key` is a hash of all that the build depends on."""

    root: Path

    def path(self, name: str, key: str) -> Path:
        """Where the folder is, or will be."""
        return self.root / f"{name}-{key}"

    def folder(self, name: str, key: str, build: Callable[[Path], None], progress: Progress) -> Path:
        """The finished folder; `build` fills a temporary sibling first if there is none yet.

        A build that is cut off leaves only the temporary folder, which is never used. The final path
        is known to `build` as its argument's `with_name(f"{name}-{key}")`.
        """
        final = self.path(name, key)
        if final.is_dir():
            return final
        with self.lock(name, progress):
            if final.is_dir():
                return final
            for stale in self.root.glob(f".{glob.escape(name)}-????????.tmp"):  # never another name's
                shutil.rmtree(stale, ignore_errors=True)
            building = Path(tempfile.mkdtemp(prefix=f".{name}-", suffix=".tmp", dir=self.root))
            building.chmod(0o755)
            try:
                build(building)
                building.replace(final)
            finally:
                shutil.rmtree(building, ignore_errors=True)
        return final

    @contextmanager
    def lock(self, name: str, progress: Progress) -> Iterator[None]:
        """Holds the build lock of `name`; says so once where another process has it."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.root / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress.note(f"waiting for another bottle that is building {name}")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
