"""The `__main__` of bottle.pyz: starts the program from its unpacked copy, made at the first start.

build.py puts this file into the archive in place of shiv's own entry, which imports most of the
standard library before it knows whether there is anything to unpack. It stands alone: nothing of the
program is importable before the copy is.
"""

import os
import stat
import sys
from collections.abc import Iterator, Mapping

BUILD_ID = ""
ARCHIVE = sys.path[0]


def candidates(environ: Mapping[str, str], uid: int) -> Iterator[str]:
    """Folders that may hold the copy, the preferred one first."""
    cache = environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - pathlib is slow
    if os.path.isabs(cache):  # noqa: PTH117
        yield f"{cache}/bot-bottle/program"
    yield f"/tmp/bot-bottle-{uid}/program"  # noqa: S108 - used only where it is this user's own


def private(folder: str, uid: int) -> bool:
    """Whether `folder` and its parent are this user's own and nobody else can write there."""
    for path in (os.path.dirname(folder), folder):  # noqa: PTH120
        try:
            status = os.lstat(path)
        except OSError:
            return False
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != uid or status.st_mode & 0o022:
            return False
    return True


def unpacked(folder: str) -> str:
    return f"{folder}/{BUILD_ID}/site-packages"


def unpack(folder: str, uid: int) -> bool:
    """Fills `folder`, under shiv's lock; False where it cannot be this user's own or written to."""
    from pathlib import Path  # noqa: PLC0415 - only the first start pays for these
    from zipfile import ZipFile  # noqa: PLC0415

    from _bootstrap import extract_site_packages  # type: ignore[import-not-found]  # noqa: PLC0415

    try:
        os.makedirs(os.path.dirname(os.path.dirname(folder)), exist_ok=True)  # noqa: PTH103, PTH120
        for path in (os.path.dirname(folder), folder):  # noqa: PTH120
            if not os.path.lexists(path):
                os.mkdir(path, 0o700)  # noqa: PTH102
        if not private(folder, uid):
            return False
        with ZipFile(ARCHIVE) as archive:
            extract_site_packages(archive, Path(folder, BUILD_ID))
    except OSError:
        return False
    return True


def locate() -> str:
    uid = os.geteuid()
    folders = list(candidates(os.environ, uid))
    for folder in folders:
        if os.path.isdir(unpacked(folder)) and private(folder, uid):  # noqa: PTH112
            return unpacked(folder)
    for folder in folders:
        if unpack(folder, uid):
            return unpacked(folder)
    tried = ", ".join(folders)
    sys.stderr.write(
        f"error: cannot unpack the program: no folder of this user's own could be made (tried {tried})\n"
        "hint: set XDG_CACHE_HOME to a folder that only this user can write to\n"
    )
    sys.exit(4)


def start() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - the archive is started by whatever python3 is
        sys.stderr.write("error: Python 3.11 or newer is needed\nhint: run it as `python3.13 bottle.pyz`\n")
        sys.exit(4)
    sys.path[0] = locate()
    from bottle.__main__ import main  # noqa: PLC0415

    main()


if __name__ == "__main__":
    start()
