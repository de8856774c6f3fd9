"""Names that a bottle may not bring into a directory of the host."""

import unicodedata
from pathlib import PurePosixPath

from bottle_sidecar.policy.gitnames import is_git

STAGE_PREFIX = ".bottle-apply-"
"""Of the folder in which an apply prepares what it writes."""


def refused(path: PurePosixPath) -> bool:
    """Whether nothing may ever be written at `path`: outside the tree, in a `.git`, in an apply's stage."""
    parts = path.parts
    if not parts or path.is_absolute() or ".." in parts or "\0" in str(path):
        return True
    return parts[0].startswith(STAGE_PREFIX) or any(map(is_git, parts))


def folded(name: str) -> str:
    """Equal for the names that a file system without case and composition takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
