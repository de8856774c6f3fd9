"""Which paths of a workspace a command is to look at."""

import fnmatch
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from bottle.errors import UsageError
from bottle.launch.workspaces import HeldWorkspace
from bottle.plan import WORKSPACE

_PATTERN = frozenset("*?[")


def selected(held: HeldWorkspace, cwd: Path, paths: tuple[str, ...]) -> Callable[[PurePosixPath], bool]:
    """Whether a path is asked for. Raises UsageError for those that are not in the workspace."""
    chosen = [_inside(held, cwd, path) for path in paths]
    if not chosen or PurePosixPath() in chosen:
        return lambda _path: True
    patterns = [str(path) for path in chosen if _PATTERN & set(str(path))]

    def wanted(path: PurePosixPath) -> bool:
        named = any(path == choice or choice in path.parents for choice in chosen)
        return named or any(fnmatch.fnmatchcase(str(path), pattern) for pattern in patterns)

    return wanted


def _inside(held: HeldWorkspace, cwd: Path, path: str) -> PurePosixPath:
    """Of the workspace; where it names a place on the host or in the bottle, the one that is meant."""
    here = cwd.relative_to(held.source) if cwd.is_relative_to(held.source) else Path()
    whole = Path(os.path.normpath(held.source / here / path))
    for root in (held.source, Path(WORKSPACE)):
        if whole.is_relative_to(root):
            return PurePosixPath(whole.relative_to(root))
    raise UsageError(f"{path} is not in the workspace, which began as {held.source}")
