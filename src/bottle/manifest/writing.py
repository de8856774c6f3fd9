"""Manifests onto the disk: new ones together or not at all, an edited one in the place of the old."""

import errno
import os
import tempfile
from collections.abc import Collection, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from bottle.errors import BottleError
from bottle.manifest.document import MAX_FILE


class ChangedMeanwhileError(BottleError):
    """The file is no longer what was read."""


def write_together(files: Mapping[Path, bytes], *, replacing: Collection[Path] = ()) -> None:
    """Writes all files or none, their folders included; those in `replacing` may exist.

    Raises BottleError where one cannot be written, or exists and was not to be replaced.
    """
    at = next(iter(files))
    with ExitStack() as scraps, ExitStack() as undo:
        try:
            for at in files:
                _make_folder(at.parent, undo)
            staged = {path: _staged(path.resolve(), data, 0o600, scraps) for path, data in files.items()}
            for at, scrap in staged.items():
                _place(scrap, at, undo, replace=at in replacing)
        except FileExistsError:
            raise BottleError(f"{at} exists already; nothing was written") from None
        except (OSError, RuntimeError) as error:  # RuntimeError: Python 3.11 on a loop of links
            raise _unwritable(at, error) from error
        undo.pop_all()


def replace_file(file: Path, data: bytes, *, expected: bytes) -> None:
    """Puts `data` in the place of `file`, at once; `file` is no link. Its permissions stay.

    Raises ChangedMeanwhileError where it does not hold `expected` any more, BottleError where it cannot
    be written.
    """
    with ExitStack() as scraps:
        try:
            status = file.stat()
            scrap = _staged(file, data, status.st_mode & 0o7777, scraps)
            with suppress(PermissionError):
                os.chown(scrap, status.st_uid, status.st_gid)
            if _content(file) != expected:
                raise ChangedMeanwhileError(f"{file} was changed by somebody else meanwhile")
            scrap.replace(file)
        except FileNotFoundError:
            raise ChangedMeanwhileError(f"{file} was removed by somebody else meanwhile") from None
        except OSError as error:
            raise _unwritable(file, error) from error


def _make_folder(folder: Path, undo: ExitStack) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent, undo)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, f"{folder} is not a folder") from None
        undo.callback(_remove_folder, folder)


def _remove_folder(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _staged(target: Path, data: bytes, mode: int, scraps: ExitStack) -> Path:
    """`data` on the disk, beside `target`, under a name that is no manifest's."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    scrap = Path(name)
    scraps.callback(scrap.unlink, missing_ok=True)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    return scrap


def _place(scrap: Path, path: Path, undo: ExitStack, *, replace: bool) -> None:
    """A link that is replaced stays a link: what it leads to is replaced."""
    target = path.resolve() if replace else path
    if replace and target.exists():
        undo.callback(_restore, target, target.read_bytes(), target.stat().st_mode & 0o7777)
    else:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        undo.callback(target.unlink, missing_ok=True)
    scrap.replace(target)


def _restore(target: Path, data: bytes, mode: int) -> None:
    with ExitStack() as scraps:
        _staged(target, data, mode, scraps).replace(target)


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_FILE + 1)


def _unwritable(file: Path, error: Exception) -> BottleError:
    reason = error.strerror if isinstance(error, OSError) else "a loop of links"
    return BottleError(f"{file} cannot be written: {reason}")
