"""What exactly comes to a path of the host: content, mode, where a link leads."""

import os
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path, PurePosixPath

from attrs import frozen

from bottle.errors import BottleError
from bottle.tree import Change, Kind, Node
from bottle.workspace.directory import Directory, Entry
from bottle.workspace.merge import MAX_TEXT, Outcome, Reason, Side, TextMerge
from bottle.workspace.stage import Piece

_CHUNK = 1 << 20


class RefusedError(Exception):
    """One path cannot be taken over. `detail`: what else there is to know."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.detail = detail


@frozen(kw_only=True)
class Pieces:
    """`umask`: the operator's, as everything is written as if the operator had."""

    tree: Directory
    merge: TextMerge
    umask: int

    def folder(self, mode: int = 0o755) -> Piece:
        return Piece(kind=Kind.FOLDER, mode=mode & 0o755 & ~self.umask | 0o700)

    def of(self, change: Change, outcome: Outcome, host: Entry | None) -> Piece | None:
        """None where the host has it already. Raises RefusedError."""
        assert change.new
        if change.new.kind is Kind.LINK:
            if leads_out(change.path, change.new.target):
                raise RefusedError(Reason.LEADS_OUT, f"to {change.new.target}")
            return Piece(kind=Kind.LINK, target=change.new.target)
        mode = self._mode(change.new, host, executable=outcome.executable)
        if outcome.side is Side.BOTTLE:
            return Piece(kind=Kind.FILE, mode=mode, chunks=_content(change, change.new))
        assert host
        if outcome.side is Side.HOST:
            return Piece(kind=Kind.FILE, mode=mode, chunks=self.tree.chunks(change.path, host.seen))
        return self._merged(change, outcome, host, mode)

    def _merged(self, change: Change, outcome: Outcome, host: Entry, mode: int) -> Piece | None:
        assert change.new
        why = Reason.BOTH_MODIFIED if change.base else Reason.BOTH_ADDED
        if max(host.node.size, change.new.size) > MAX_TEXT:
            raise RefusedError(why)
        ours = b"".join(self.tree.chunks(change.path, host.seen))
        theirs = b"".join(_content(change, change.new))
        merged = self.merge.merged(outcome.base, ours, theirs)
        if merged is None:
            raise RefusedError(why)
        if merged == ours and mode == host.node.mode:
            return None
        return Piece(kind=Kind.FILE, mode=mode, chunks=(merged,))

    def _mode(self, new: Node, host: Entry | None, *, executable: bool) -> int:
        """Permission bits. A file that is there keeps its own, but for who may execute it."""
        if host is None or host.node.kind is not Kind.FILE:
            mode = new.mode & 0o755 & ~self.umask | 0o600
            return mode | 0o100 if executable else mode & ~0o111
        mode = host.node.mode & 0o777
        if executable == bool(mode & 0o100):
            return mode
        return mode | ((mode & 0o444) >> 2 & ~self.umask) | 0o100 if executable else mode & ~0o111


def leads_out(path: PurePosixPath, target: str) -> bool:
    """Whether a link at `path` may lead out of the tree.

    Where `..` comes after a name, that may be a link itself, and nobody can tell where it leads tomorrow.
    """
    parts = [part for part in target.split("/") if part not in {"", "."}]
    climbs = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    return (
        not target
        or "\0" in target
        or target.startswith("/")
        or climbs > len(path.parent.parts)
        or ".." in parts[climbs:]
    )


def _content(change: Change, new: Node) -> Iterator[bytes]:
    """What the bottle has at the path. Raises BottleError where the copy of it is not what it was."""
    digest = sha1(b"blob %d\0" % new.size, usedforsecurity=False)
    for chunk in _chunks(change.content):
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != new.blob:
        raise BottleError(f"the bottle's {change.path} was damaged on its way here; nothing was applied")


def _chunks(file: Path | None) -> Iterator[bytes]:
    if file is None:
        return
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
