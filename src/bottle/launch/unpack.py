"""Unpacks an archive that an agent made, and may have made to harm whoever unpacks it.

Not `tarfile`'s own extraction: its "data" filter is missing from Python before 3.11.4, and could be led
out of its folder before 3.11.13 (CVE-2025-4517). Here no symlink exists while anything is written, so no
name can lead anywhere but below the folder.
"""

import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

_CHUNK = 1 << 20


class HostileArchiveError(Exception):
    """The archive is damaged, or no honest `tar` of a folder has what is in it."""


def unpack(stream: IO[bytes], folder: Path) -> None:
    """Fills `folder`, which is empty and in which nobody else writes.

    Taken are files, folders, hard links among them, and symlinks that stay inside, with the permissions
    that a umask of 022 leaves. Devices, pipes and symlinks that lead out are left out. Raises
    HostileArchiveError for absolute names, `..`, names taken twice, and sparse files; OSError where the
    disk does not take it.
    """
    unpacking = _Unpacking(folder)
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                unpacking.take(archive, member)
        unpacking.link()
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise HostileArchiveError(str(error)) from error
    except (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise HostileArchiveError(f"two members share a name, or one is missing: {error.strerror}") from error


class _Unpacking:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._links: dict[PurePosixPath, str] = {}

    def take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        inside = _inside(member.name)
        path = self._folder / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.isdir():
            path.mkdir(mode=member.mode & 0o755 | 0o700, exist_ok=True)
        elif member.issym():
            self._links[inside] = member.linkname
        elif member.islnk():
            self._take_hard_link(inside, _inside(member.linkname))
        elif member.isfile():
            _write(archive, member, path)

    def link(self) -> None:
        """Makes the symlinks, once nothing is written any more."""
        for inside, target in self._links.items():
            if _stays_inside(inside, target):
                (self._folder / inside).symlink_to(target)

    def _take_hard_link(self, inside: PurePosixPath, target: PurePosixPath) -> None:
        if target in self._links:
            self._links[inside] = self._links[target]
        else:
            (self._folder / inside).hardlink_to(self._folder / target)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """A sparse file may claim any size, and cost its sender nothing."""
    if member.issparse():
        raise HostileArchiveError(f"{member.name!a} is sparse")
    source = archive.extractfile(member)
    assert source is not None
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with source, os.fdopen(os.open(path, flags, member.mode & 0o755 | 0o600), "wb") as file:
        shutil.copyfileobj(source, file, _CHUNK)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise HostileArchiveError(f"{name!a} leads out of the archive")
    return path


def _stays_inside(link: PurePosixPath, target: str) -> bool:
    """`..` only at the start, where no link can bend it, and no more of them than folders above."""
    path = PurePosixPath(target)
    climbs = next((index for index, part in enumerate(path.parts) if part != ".."), len(path.parts))
    return not path.is_absolute() and ".." not in path.parts[climbs:] and climbs < len(link.parts)
