"""Manifest folders on disk: which files count, and how one is read without being led elsewhere."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from attrs import field, frozen

from bottle.manifest.document import MAX_FILE
from bottle.manifest.problems import InvalidManifestError, Location, Problem
from bottle.manifest.values import NAME

_SUFFIX = ".md"


@frozen(kw_only=True)
class Folder:
    """A folder of `<name>.md` files.

    `confined_to`: for a folder that others may have filled (a cloned repository), the directory that
    no file may lead out of, by whatever link. `drafts`: contents that count in place of those on the disk.
    """

    path: Path
    confined_to: Path | None = None
    drafts: Mapping[Path, bytes] = field(factory=dict, repr=False)
    files: dict[str, Path] = field(factory=dict)
    skipped: tuple[Problem, ...] = ()

    @classmethod
    def scan(
        cls, path: Path, *, confined_to: Path | None = None, drafts: Mapping[Path, bytes] | None = None
    ) -> "Folder":
        """Looks at the names only. A folder that does not exist is empty."""
        files: dict[str, Path] = {}
        skipped = []
        for entry in sorted(_list(path), key=lambda entry: entry.name):
            stem = entry.name.removesuffix(_SUFFIX)
            reason = _refusal(entry, stem)
            if reason is None:
                files[stem] = path / entry.name
            elif reason:
                skipped.append(
                    Problem(location=Location(file=path / entry.name), message=f"skipped: {reason}")
                )
        return cls(
            path=path, confined_to=confined_to, drafts=drafts or {}, files=files, skipped=tuple(skipped)
        )

    def read(self, name: str) -> bytes:
        """The content of `<name>.md`; at most one byte more than a manifest may have.

        Raises InvalidManifestError where it cannot be read or leads out of `confined_to`.
        """
        file = self.files[name]
        if file in self.drafts:
            return self.drafts[file]
        try:
            descriptor = self._open(file)
        except (OSError, RuntimeError) as error:  # RuntimeError: Python 3.11 on a loop of links
            raise _unreadable(file, f"cannot be read: {_reason(error)}") from None
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _unreadable(file, "is not a regular file")
            return stream.read(MAX_FILE + 1)

    def target(self, name: str) -> Path:
        """The file itself, no link. Raises InvalidManifestError where it leads out of `confined_to`."""
        file = self.files[name]
        try:
            return self._resolved(file)
        except (OSError, RuntimeError) as error:
            raise _unreadable(file, f"cannot be read: {_reason(error)}") from None

    def _resolved(self, file: Path) -> Path:
        target = file.resolve(strict=True)
        if self.confined_to is not None and not target.is_relative_to(self.confined_to.resolve()):
            hint = "an agent file of a repository must be a file of that repository"
            raise _unreadable(file, "is a link that leads out of the current directory", hint)
        return target

    def _open(self, file: Path) -> int:
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # O_NONBLOCK: a FIFO must not hold us up
        if self.confined_to is None:
            return os.open(file, flags)
        base = self.confined_to.resolve()
        return open_below(base, self._resolved(file).relative_to(base), flags)


def open_below(base: Path, relative: Path, flags: int) -> int:
    """Opens `base/relative` part by part, following no link: it cannot be swapped after it was resolved."""
    *folders, name = relative.parts
    with ExitStack() as opened:
        current = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.callback(os.close, current)
        for part in folders:
            walk = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            current = os.open(part, walk, dir_fd=current)
            opened.callback(os.close, current)
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=current)


def _list(path: Path) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(path) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {_reason(error)}") from None


def _refusal(entry: "os.DirEntry[str]", stem: str) -> str | None:
    """Why a directory entry is no manifest; empty where that needs no word."""
    if entry.name.startswith(".") and not entry.name.endswith(_SUFFIX):
        return ""
    if is_folder(entry):
        return "a folder, not a manifest"
    if stem == entry.name or not NAME.fullmatch(stem):
        return "the name of a manifest is lower-case letters, digits and '-', a letter first, then '.md'"
    return None


def _unreadable(file: Path, message: str, hint: str | None = None) -> InvalidManifestError:
    return InvalidManifestError.of(Location(file=file), message, hint=hint)


def _reason(error: OSError | RuntimeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "a loop of links"


def is_folder(path: "Path | os.DirEntry[str]") -> bool:
    """Whether this is a folder that we may look at."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Whether this is a file that we may look at."""
    try:
        return path.is_file()
    except OSError:
        return False
