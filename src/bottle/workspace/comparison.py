"""A change set as git shows it: two trees that hold nothing but what changed."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path, PurePosixPath

from attrs import evolve, field, frozen

from bottle.tree import Change, Kind, Node
from bottle.workspace.changeset import ChangeSet
from bottle.workspace.git import Git, PrivateRepository
from bottle.workspace.hosttree import HostTree, blob_of
from bottle.workspace.importing import Entry, git_mode

_SHOWN = frozenset({Kind.FILE, Kind.LINK})


@frozen(kw_only=True)
class Difference:
    """One line of what `git diff --raw --numstat` says, or what git has no words for.

    `status`: git's letter. Modes: of six octal digits, all zeros for nothing. `similarity`: of a rename, in
    percent. `added`, `removed`: lines; None for binary files.
    """

    path: PurePosixPath
    status: str
    old_mode: str
    new_mode: str
    renamed_from: PurePosixPath | None = None
    similarity: int | None = None
    added: int | None = 0
    removed: int | None = 0


@frozen(kw_only=True)
class Comparison:
    """`conflicts`: paths whose start is not known; they are compared with what the host has now."""

    changes: ChangeSet
    repository: PrivateRepository
    conflicts: frozenset[PurePosixPath]

    @classmethod
    def of(cls, changes: ChangeSet, *, source: Path, git: Git, folder: Path) -> "Comparison":
        """`folder`: empty, of ours; it holds all of it. `source`: the host's directory."""
        olds = _Olds(HostTree(source), git, folder)
        old = [entry for change in changes if (entry := olds.entry(change))]
        new = [
            Entry(path=change.path, node=change.new, content=change.content)
            for change in changes
            if change.new and change.new.kind in _SHOWN
        ]
        repository = git.repository(folder / "git")
        repository.fill(old, new)
        return cls(changes=changes, repository=repository, conflicts=frozenset(olds.conflicts))

    def differences(self) -> list[Difference]:
        """By path: what a diff shows, and what it does not."""
        with self.repository.diff("--raw", "--numstat", "-z", "--no-abbrev") as stream:
            found = [*_parsed(stream.read()), *self.hidden()]
        return sorted(found, key=lambda difference: difference.path.parts)

    def hidden(self) -> list[Difference]:
        """What no diff shows: folders without a file in them, and permissions that git does not know."""
        full = {
            parent
            for change in self.changes
            for node in (change.base, change.new)
            if node and node.kind in _SHOWN
            for parent in change.path.parents
        }
        found = (_hidden(change) for change in self.changes if change.path not in full)
        return [difference for difference in found if difference]


@frozen
class _Olds:
    """What was there at the start, as far as it can still be had."""

    _host: HostTree
    _git: Git
    _folder: Path
    conflicts: list[PurePosixPath] = field(factory=list, init=False)
    _numbers: Iterator[int] = field(factory=count, init=False)

    def entry(self, change: Change) -> Entry | None:
        base, path = change.base, change.path
        if change.base_known and (base is None or base.kind not in _SHOWN):
            return None
        if change.base_known and base and base.kind is Kind.LINK:
            return Entry(path=path, node=base)
        copy = self._copied(path)
        if base and copy and copy.node.blob == base.blob:
            return Entry(path=path, node=base, content=copy.content)
        if base and (content := self._git.blob(self._host.root, base.blob)) is not None:
            return Entry(path=path, node=base, content=self._written(content))
        self.conflicts.append(path)
        return copy

    def _copied(self, path: PurePosixPath) -> Entry | None:
        """What the host has now; None where that is no file or link."""
        with suppress(OSError):
            status = self._host.status(path)
            if status and stat.S_ISLNK(status.st_mode):
                return Entry(path=path, node=Node(kind=Kind.LINK, target=self._host.target(path)))
            if status and stat.S_ISREG(status.st_mode):
                target = self._new()
                with self._host.open(path) as source, target.open("x+b") as file:
                    shutil.copyfileobj(source, file)
                    file.seek(0)
                    blob = blob_of(file, os.fstat(file.fileno()).st_size)
                return Entry(
                    path=path,
                    node=Node(kind=Kind.FILE, mode=status.st_mode & 0o777, blob=blob),
                    content=target,
                )
        return None

    def _written(self, content: bytes) -> Path:
        target = self._new()
        target.write_bytes(content)
        return target

    def _new(self) -> Path:
        return self._folder / f"old-{next(self._numbers)}"


def _hidden(change: Change) -> Difference | None:
    """What a diff does not show of a change; None where it shows it."""
    base, new = change.base, change.new
    shown = [node is not None and node.kind in _SHOWN for node in (base, new)]
    if not change.base_known or any(shown) != all(shown):
        return None
    if base and new and all(shown):
        alike = base.blob == new.blob and git_mode(base) == git_mode(new)
        if not alike or base.kind is Kind.LINK:
            return None
    status = "M" if base and new else "A" if new else "D"
    return Difference(path=change.path, status=status, old_mode=_mode(base), new_mode=_mode(new))


def _mode(node: Node | None) -> str:
    if node is None:
        return "000000"
    return f"04{node.mode:04o}" if node.kind is Kind.FOLDER else f"10{node.mode:04o}"


def _parsed(output: bytes) -> Iterator[Difference]:
    """Of `--raw --numstat -z`: first all of the one, then all of the other, in the same order."""
    words = iter(output.decode(errors="surrogateescape").split("\0")[:-1])
    found: list[Difference] = []
    for word in words:
        if not word.startswith(":"):
            break
        found.append(_raw(word, words))
    else:
        return
    for difference in found:
        added, removed, path = word.split("\t", 2)
        if not path:  # a rename: both names follow
            next(words), next(words)
        yield evolve(difference, added=_count(added), removed=_count(removed))
        word = next(words, "")


def _raw(word: str, words: Iterator[str]) -> Difference:
    old_mode, new_mode, _, _, status = word.removeprefix(":").split(" ")
    path = PurePosixPath(next(words))
    renamed_from, similarity = None, None
    if status[1:]:
        renamed_from, path, similarity = path, PurePosixPath(next(words)), int(status[1:])
    return Difference(
        path=path,
        status=status[0],
        old_mode=old_mode,
        new_mode=new_mode,
        renamed_from=renamed_from,
        similarity=similarity,
    )


def _count(text: str) -> int | None:
    return None if text == "-" else int(text)
