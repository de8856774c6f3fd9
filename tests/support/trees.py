"""Trees of files as values: written to a disk, read from it, compared with git's, and random ones."""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath

from attrs import evolve, frozen
from hypothesis import strategies as st

from bottle.proc import Command, run
from bottle.tree import Change, Kind, Node, blob_id
from bottle.workspace.git import Git as HostGit

HOST_GIT = HostGit(environ=os.environ)
"""As the program calls it."""


@frozen
class Item:
    """An entry with its content: of a file the bytes, of a link the target."""

    kind: Kind
    content: bytes = b""
    mode: int = 0o644

    @property
    def node(self) -> Node:
        if self.kind is Kind.FOLDER:
            return Node(kind=Kind.FOLDER, mode=self.mode)
        target = os.fsdecode(self.content) if self.kind is Kind.LINK else ""
        size = len(self.content) if self.kind is Kind.FILE else 0
        return Node(kind=self.kind, mode=self.mode, size=size, blob=blob_id(self.content), target=target)


def file(content: str | bytes = "", mode: int = 0o644) -> Item:
    return Item(Kind.FILE, content.encode() if isinstance(content, str) else content, mode)


def link(target: str) -> Item:
    return Item(Kind.LINK, os.fsencode(target), 0o777)


FOLDER = Item(Kind.FOLDER, mode=0o755)


@frozen
class Tree:
    """Items by path; the folders that they need are among them."""

    items: Mapping[PurePosixPath, Item]

    @classmethod
    def of(cls, items: Mapping[str, Item]) -> "Tree":
        tree = cls({})
        for name, item in items.items():
            tree = tree.put(PurePosixPath(name), item)
        return tree

    def put(self, path: PurePosixPath, item: Item) -> "Tree":
        """In the place of what is there, or is in the way above."""
        kept = self.without(path).items
        for above in path.parents[:-1]:
            if above in kept and kept[above].kind is not Kind.FOLDER:
                kept = {other: each for other, each in kept.items() if other != above}
        above_all = {above: kept.get(above, FOLDER) for above in path.parents[:-1]}
        return Tree({**kept, **above_all, path: item})

    def without(self, path: PurePosixPath) -> "Tree":
        return Tree({other: item for other, item in self.items.items() if not other.is_relative_to(path)})

    def write(self, root: Path) -> None:
        for path, item in sorted(self.items.items()):
            place = root / path
            if item.kind is Kind.FOLDER:
                place.mkdir(exist_ok=True)
                place.chmod(item.mode)
            elif item.kind is Kind.LINK:
                place.symlink_to(os.fsdecode(item.content))
            else:
                place.write_bytes(item.content)
                place.chmod(item.mode)

    @classmethod
    def read(cls, root: Path) -> "Tree":
        return cls(dict(_items(root, root)))

    def changes(self, base: "Tree", contents: Path) -> list[Change]:
        """From `base` to this one; files' contents are put below `contents`."""
        contents.mkdir(exist_ok=True)
        return list(self._changes(base, contents))

    def _changes(self, base: "Tree", contents: Path) -> Iterator[Change]:
        for number, path in enumerate(sorted({*self.items, *base.items})):
            before, now = base.items.get(path), self.items.get(path)
            if before == now:
                continue
            copy = contents / str(number) if now and now.kind is Kind.FILE else None
            if copy and now:
                copy.write_bytes(now.content)
            base_node, node = before.node if before else None, now.node if now else None
            yield Change(path=path, base=base_node, new=node, content=copy)

    def folders(self) -> set[PurePosixPath]:
        return {path for path, item in self.items.items() if item.kind is Kind.FOLDER}

    def empty_folders(self) -> set[PurePosixPath]:
        return self.folders() - {path.parent for path in self.items}

    def tracked(self) -> dict[str, tuple[str, str]]:
        """What `Git` records of it: mode and object by path."""
        return {
            str(path): (_git_mode(item), blob_id(_salted(path, item.content)))
            for path, item in self.items.items()
            if item.kind is not Kind.FOLDER
        }


def _items(folder: Path, root: Path) -> Iterator[tuple[PurePosixPath, Item]]:
    for entry in os.scandir(folder):
        path = PurePosixPath(Path(entry.path).relative_to(root))
        if path.parts[0] == ".git":
            continue
        mode = stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode)
        if entry.is_symlink():
            target = os.readlink(os.fsencode(entry.path))  # noqa: PTH115 - as it is written
            yield path, Item(Kind.LINK, target, 0o777)
        elif entry.is_dir():
            yield path, Item(Kind.FOLDER, mode=mode)
            yield from _items(Path(entry.path), root)
        else:
            yield path, Item(Kind.FILE, Path(entry.path).read_bytes(), mode)


def _git_mode(item: Item) -> str:
    if item.kind is Kind.LINK:
        return "120000"
    return "100755" if item.mode & 0o100 else "100644"


def fingerprint(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything that can be told of a directory from outside, but for access times."""
    found: dict[str, tuple[object, ...]] = {}
    for place in [root, *sorted(root.rglob("*"))]:
        status = place.lstat()
        content: object = place.readlink() if place.is_symlink() else None
        if stat.S_ISREG(status.st_mode):
            content = place.read_bytes()
        found[str(place)] = (status.st_ino, status.st_mode, status.st_mtime_ns, status.st_nlink, content)
    return found


def clear(root: Path) -> None:
    for entry in list(root.iterdir()):
        if entry.name == ".git":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _salted(path: PurePosixPath, content: bytes) -> bytes:
    """With lines before it that only this path's have, so that git never takes two for one that was renamed.

    Its merge-tree cannot be told to leave that out. What is empty stays so: to git that is no rename either.
    """
    seed = sha256(os.fsencode(path)).hexdigest()
    return "".join(f"{seed} {number}\n" for number in range(20)).encode() + content if content else b""


@frozen
class Git:
    """A bare repository that merges trees, and holds their contents as they are, too."""

    repository: Path

    @classmethod
    def made(cls, repository: Path) -> "Git":
        run(Command(argv=("git", "init", "-q", "--bare", str(repository))))
        return cls(repository)

    def attach(self, root: Path) -> None:
        """Makes the repository that of the working directory `root`."""
        (root / ".git").write_text(f"gitdir: {self.repository}\n")

    def hold(self, tree: Tree) -> None:
        """As objects, which a later merge of lines begins with."""
        self._run("fast-import", "--quiet", "--force", stdin=_commit("held", tree, salted=False))

    def merge(self, base: Tree, ours: Tree, theirs: Tree) -> dict[str, tuple[str, str]] | None:
        """What git itself makes of it; None for a conflict."""
        commits = (_commit("base", base), _commit("ours", ours, "base"), _commit("theirs", theirs, "base"))
        self._run("fast-import", "--quiet", "--force", stdin=b"".join(commits))
        options = ("merge-tree", "--write-tree", "--no-messages")
        merged = run(Command(argv=(*self._git, *options, "ours", "theirs")), check=False)
        if merged.code == 1:
            return None
        assert merged.code == 0, merged.stderr
        listing = self._run("ls-tree", "-r", "-z", merged.text)
        return dict(_listed(line) for line in listing.split(b"\0") if line)

    @property
    def _git(self) -> tuple[str, ...]:
        return ("git", "-C", str(self.repository))

    def _run(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        return run(Command(argv=(*self._git, *arguments)), stdin=stdin).stdout


def _commit(name: str, tree: Tree, parent: str = "", *, salted: bool = True) -> bytes:
    lines = [f"commit refs/heads/{name}\ncommitter a <a@example.com> 0 +0000\ndata 0\n".encode()]
    if parent:
        lines.append(f"from refs/heads/{parent}\n".encode())
    lines.append(b"deleteall\n")
    for path, item in sorted(tree.items.items()):
        if item.kind is not Kind.FOLDER:
            quoted = "".join(f"\\{byte:03o}" for byte in os.fsencode(path))
            content = _salted(path, item.content) if salted else item.content
            lines.append(f'M {_git_mode(item)} inline "{quoted}"\ndata {len(content)}\n'.encode())
            lines.append(content + b"\n")
    return b"".join(lines)


def _listed(line: bytes) -> tuple[str, tuple[str, str]]:
    fields, name = line.split(b"\t", 1)
    mode, _type, blob = fields.decode().split(" ")
    return os.fsdecode(name), (mode, blob)


_NAMES = st.sampled_from(
    [
        "a",
        "b",
        "c.txt",
        "D",
        "-n",
        " x ",
        "e\u0301",
        "\u00e9",
        "\udcff\udc80",
        "n\nl",
        "'\"\\",
        ".hid",
        "w" * 200,
    ]
)
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map(lambda names: PurePosixPath(*names))
_LINES = st.lists(
    st.sampled_from([f"line {number}\n" for number in range(12)]), min_size=3, max_size=9, unique=True
)
texts = _LINES.map(lambda lines: "".join(lines).encode())
_CONTENTS = st.one_of(texts, st.binary(max_size=20))
_FILES = st.builds(Item, st.just(Kind.FILE), _CONTENTS, st.sampled_from([0o644, 0o755, 0o600, 0o700, 0o666]))
_LINKS = st.sampled_from(["a", "b/c", "nowhere", "./D"]).map(link)
_FOLDERS = st.sampled_from([0o755, 0o700, 0o775]).map(lambda mode: Item(Kind.FOLDER, mode=mode))
ITEMS = st.one_of(_FILES, _FILES, _FILES, _LINKS, _FOLDERS)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    tree = Tree({})
    for path, item in draw(st.lists(st.tuples(_PATHS, ITEMS), max_size=8)):
        tree = tree.put(path, item)
    return tree


@st.composite
def edited(draw: st.DrawFn, tree: Tree, focus: PurePosixPath) -> Tree:
    """`tree` after a few random edits, most of what is in it; `focus` is where both sides may meet."""
    paths = st.one_of(st.just(focus), st.sampled_from(sorted(tree.items) or [focus]), _PATHS)
    for _ in range(draw(st.integers(0, 4))):
        tree = draw(_edit(tree, draw(paths)))
    return tree


@st.composite
def _edit(draw: st.DrawFn, tree: Tree, path: PurePosixPath) -> Tree:
    item = tree.items.get(path)
    what = draw(st.sampled_from(["lines", "lines", "put", "remove", "mode"]))
    if what == "remove":
        return tree.without(path)
    if item and item.kind is Kind.FILE and what == "lines":
        return tree.put(path, evolve(item, content=draw(relined(item.content))))
    if item and item.kind is not Kind.LINK and what == "mode":
        return Tree(
            {**tree.items, path: evolve(item, mode=item.mode ^ 0o111 if item.kind is Kind.FILE else 0o711)}
        )
    return tree.put(path, draw(ITEMS))


@st.composite
def relined(draw: st.DrawFn, content: bytes) -> bytes:
    """With one line more, less or another, at either end or between."""
    lines = content.splitlines(keepends=True)
    place = draw(st.integers(0, len(lines)))
    new = draw(st.sampled_from([[], [b"added by one\n"], [b"added by two\n"]]))
    return b"".join([*lines[:place], *new, *lines[place + draw(st.integers(0, 1)) :]])
