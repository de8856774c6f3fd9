"""What becomes of one path that the bottle has changed: git's three-way merge, a path at a time."""

import tempfile
from enum import StrEnum
from pathlib import Path

from attrs import frozen

from bottle.errors import BottleError
from bottle.proc import run
from bottle.tree import Kind, Node
from bottle.workspace.git import Git

MAX_TEXT = 32 << 20
"""Bytes of the largest file that is merged line by line."""


class Reason(StrEnum):
    """Why a path cannot be taken over, in git's words where git has some."""

    BOTH_MODIFIED = "both modified"
    BOTH_ADDED = "both added"
    DELETED_BY_HOST = "deleted by host, modified in bottle"
    DELETED_IN_BOTTLE = "modified by host, deleted in bottle"
    UNKNOWN_BASE = "changed by host since the start"
    CLASH = "file/folder clash"
    LINK_IN_THE_WAY = "a link is in the way"
    LEADS_OUT = "the link leads out of the directory"
    CASE = "the file system takes its name for that of another"
    NAME = "a name that is never written"
    SPECIAL = "a socket, pipe or device"
    OTHER_DISK = "on another file system than the directory"
    CHANGED = "changed just now"
    UNSETTLED = "the bottle was just writing it"
    DENIED = "cannot be read or written"


@frozen(kw_only=True)
class Tracked:
    """What git records of an entry. Of its mode, that is whether its owner may execute it."""

    kind: Kind
    blob: str
    executable: bool

    @classmethod
    def of(cls, node: Node | None) -> "Tracked | None":
        """None for what git does not record: nothing, a folder, a socket."""
        if node is None or node.kind not in {Kind.FILE, Kind.LINK}:
            return None
        executable = node.kind is Kind.FILE and bool(node.mode & 0o100)
        return cls(kind=node.kind, blob=node.blob, executable=executable)


class Side(StrEnum):
    """Whose content it is in the end. `MERGED`: both sides' lines."""

    HOST = "host"
    BOTTLE = "bottle"
    MERGED = "merged"


@frozen(kw_only=True)
class Outcome:
    """`base`: git's name of the content that both sides' lines are compared with; empty for none."""

    side: Side
    executable: bool = False
    base: str = ""


def three_way(base: Tracked | None, bottle: Tracked | None, host: Tracked | None) -> Outcome | Reason:
    """The outcome for one path, or why there is none."""
    if bottle in (base, host):
        return Outcome(side=Side.HOST, executable=bool(host and host.executable))
    if host == base:
        return Outcome(side=Side.BOTTLE, executable=bool(bottle and bottle.executable))
    if host is None:
        return Reason.DELETED_BY_HOST
    if bottle is None:
        return Reason.DELETED_IN_BOTTLE
    return _both(base, bottle, host)


def _both(base: Tracked | None, bottle: Tracked, host: Tracked) -> Outcome | Reason:
    """Each side has something other than the base, and than the other side."""
    if base is None or base.kind is not Kind.FILE:
        both_files = bottle.kind is host.kind is Kind.FILE
        if both_files and bottle.executable == host.executable:
            return Outcome(side=Side.MERGED, executable=host.executable)
        return Reason.BOTH_MODIFIED if base else Reason.BOTH_ADDED
    if not bottle.kind is host.kind is Kind.FILE:
        return Reason.BOTH_MODIFIED
    executable = bottle.executable if host.executable == base.executable else host.executable
    if bottle.blob in (base.blob, host.blob):
        return Outcome(side=Side.HOST, executable=executable)
    if host.blob == base.blob:
        return Outcome(side=Side.BOTTLE, executable=executable)
    return Outcome(side=Side.MERGED, executable=executable, base=base.blob)


@frozen
class TextMerge:
    """Merges lines with git. What both sides began with is looked up in `root`'s repository."""

    root: Path
    git: Git

    def merged(self, base: str, host: bytes, bottle: bytes) -> bytes | None:
        """None where the base is not at hand, where a side is no text, and where the same lines changed."""
        try:
            common = self.git.blob(self.root, base) if base else b""
            if common is None or max(len(common), len(host), len(bottle)) > MAX_TEXT:
                return None
            return self._merged(host, common, bottle)
        except BottleError:  # there is no git here, or it hangs
            return None

    def _merged(self, host: bytes, common: bytes, bottle: bytes) -> bytes | None:
        with tempfile.TemporaryDirectory(prefix="bottle-merge-") as name:
            files = [Path(name) / side for side in ("host", "base", "bottle")]
            for file, content in zip(files, (host, common, bottle), strict=True):
                file.write_bytes(content)
            command = self.git.command("merge-file", "--stdout", "--quiet", *map(str, files))
            done = run(command, check=False)
            return done.stdout if done.code == 0 else None
