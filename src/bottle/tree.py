"""A tree of files, path by path, as plain values: what a workspace held at the start, and holds now."""

from enum import StrEnum
from hashlib import sha1
from pathlib import Path, PurePosixPath

from attrs import field, frozen


class Kind(StrEnum):
    """`OTHER`: sockets, pipes and devices, which are never carried."""

    FILE = "file"
    LINK = "link"
    FOLDER = "folder"
    OTHER = "other"


@frozen(kw_only=True)
class Node:
    """One entry. `mode`: permission bits, without set-user-id and its like. `size` in bytes.

    `blob`: git's object id of a file's content, or of a link's target; empty for the other kinds.
    `target`: where a link leads, as it is written in it.
    """

    kind: Kind
    mode: int = 0
    size: int = 0
    blob: str = ""
    target: str = ""


@frozen(kw_only=True)
class Change:
    """One path that is not as it was at the start.

    `path`: relative, of bytes as `os.fsdecode` has them. `base`: what was there at the start, None for
    nothing. `base_known`: False where the host's own entry has changed since, so that what was there cannot
    be told. `new`: what the bottle has there now, None where it was removed. `content`: a private copy of
    a new file's.
    """

    path: PurePosixPath
    base: Node | None
    new: Node | None
    base_known: bool = True
    content: Path | None = field(default=None, repr=False)


def blob_id(content: bytes) -> str:
    """Git's name of `content` as a blob."""
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
