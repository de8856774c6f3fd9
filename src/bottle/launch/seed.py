"""What a bottle holds before its agent starts, as tar streams for the sandbox."""

import io
import os
import shlex
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO

from bottle.errors import BottleError
from bottle.plan import AGENT_HOME, LaunchPlan, SeedFile

RUN = "/run"
_ENVIRONMENT = "bottle-environment"
_WITH_ENVIRONMENT = f'. {RUN}/{_ENVIRONMENT}; exec "$@"'


@contextmanager
def home_archive(plan: LaunchPlan) -> Iterator[IO[bytes]]:
    """The seed files and skill folders of the agent's home. Raises BottleError for an unreadable skill.

    On a resume without those that the CLI has made its own since.
    """
    with tempfile.TemporaryFile() as stream:
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for file in plan.seed_files:
                if not (plan.resume and file.once):
                    _add_file(archive, file.path.relative_to(AGENT_HOME), file)
            for tree in plan.seed_trees:
                target = tree.target.relative_to(AGENT_HOME)
                try:
                    # The folder itself may be a link on the host; the links in it are copied as links.
                    archive.add(tree.source.resolve(), arcname=str(target), filter=_of_skill)
                except OSError as error:
                    raise BottleError(f"the skill folder {tree.source} cannot be read: {error}") from error
        stream.seek(0)
        yield stream


@contextmanager
def environment_archive(environment: Mapping[str, str]) -> Iterator[IO[bytes]]:
    """A shell file for the sandbox's memory-backed /run, where `bottle exec` finds the agent's variables."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
    file = SeedFile(path=PurePosixPath(_ENVIRONMENT), content=os.fsencode("".join(lines)), mode=0o400)
    with _memory() as stream:
        with tarfile.open(fileobj=stream, mode="w") as archive:
            _add_file(archive, file.path, file)
        stream.seek(0)
        yield stream


def with_environment(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The argv that runs `argv` with the variables that `environment_archive` brought in."""
    return ("/bin/sh", "-c", _WITH_ENVIRONMENT, "bottle", *argv)


def _of_skill(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Files, folders and links alone, of no owner; the agent may change its copy even of a read-only one."""
    if not (entry.isreg() or entry.isdir() or entry.issym() or entry.islnk()):
        return None
    entry.mode = entry.mode & 0o777 | (0o700 if entry.isdir() else 0o600)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _memory() -> IO[bytes]:
    """A file with a descriptor that no disk sees, where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("bottle"), "w+b")
    return tempfile.TemporaryFile()


def _add_file(archive: tarfile.TarFile, path: PurePosixPath, file: SeedFile) -> None:
    for parent in reversed(path.parents[:-1]):
        folder = tarfile.TarInfo(str(parent))
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        archive.addfile(folder)
    entry = tarfile.TarInfo(str(path))
    entry.size, entry.mode = len(file.content), file.mode
    archive.addfile(entry, io.BytesIO(file.content))
