"""What a push adds to its upstream: every object that it makes reachable there."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice

from attrs import frozen

from bottle_sidecar.gate import children
from bottle_sidecar.gate.children import READ, ChildError
from bottle_sidecar.gate.git import Git

_BATCH = "--batch=%(objectname) %(objecttype) %(objectsize) %(rest)"
_OBJECT_BYTES = 20
_MOST_TREE = 64 * 1024**2  # bytes of one folder's listing
_MOST_BOUNDARY = 50
_PLAIN = (
    "--no-color", "--no-ext-diff", "--no-textconv",
    "--format=commit %H%nauthor %an <%ae>%n%n%w(0,4,4)%B%w(0,0,0)",
)  # fmt: skip


class ContentsError(Exception):
    """What is pushed is incomplete, damaged, or larger than the gate looks into."""


@frozen(kw_only=True)
class Entry:
    """One new object. `kind`: commit, tree, blob or tag. `path`: one of its paths, or a tag's name."""

    oid: str
    kind: str
    size: int
    path: bytes

    @classmethod
    def parse(cls, header: bytes) -> "Entry":
        oid, kind, *more = header.rstrip(b"\n").split(b" ", 3)
        if not more:
            raise ContentsError(f"object {oid.decode(errors='replace')} is missing")
        return cls(oid=oid.decode(), kind=kind.decode(), size=int(more[0]), path=b"".join(more[1:]))


class Contents:
    """`tips`: the pushed object ids; `known`: those that the upstream has. The list lies in a file."""

    def __init__(self, git: Git, tips: Iterable[str], known: Iterable[str], *, most: int) -> None:
        self._git = git
        self._list = git.folder / "added"
        self._most = most
        self._range = "".join([*(f"{oid}\n" for oid in tips), *(f"^{oid}\n" for oid in set(known))]).encode()

    async def collect(self) -> None:
        """Lists the objects. Raises ContentsError where one that is needed is missing."""
        call = self._git.call("rev-list", "--objects", "--stdin", bounded=True)
        with self._list.open("wb") as out:
            async with children.started(call, stdin=children.PIPE, stdout=out) as process:
                _, said = await process.communicate(self._range)
                if process.returncode:
                    raise ContentsError(f"the pushed history is incomplete: {_words(said)}")

    async def objects(self) -> AsyncIterator[tuple[Entry, AsyncIterator[bytes]]]:
        """Each object with its content, which must be read to its end. Raises ContentsError."""
        total = 0
        call = self._git.call("cat-file", "--buffer", _BATCH, bounded=True)
        try:
            with self._list.open("rb") as listed:
                async with children.reading(call, stdin=listed) as output:
                    while header := await output.readline():
                        entry = Entry.parse(header)
                        total += entry.size
                        if total > self._most:
                            raise ContentsError(f"it unpacks to more than {self._most} bytes")
                        yield entry, _content(output, entry)
                        await output.readexactly(1)
        except (ChildError, ValueError, asyncio.IncompleteReadError) as error:
            raise ContentsError(f"the pushed objects cannot be read: {error}") from None

    async def count(self) -> int:
        return len(await self._lines("rev-list"))

    def paths(self, indices: Iterable[int]) -> dict[int, bytes]:
        """The line of the list for each index."""
        wanted = set(indices)
        with self._list.open("rb") as listed:
            lines = islice(enumerate(listed), max(wanted, default=-1) + 1)
            return {number: line.rstrip(b"\n") for number, line in lines if number in wanted}

    async def kind(self, oid: str) -> str:
        return (await self._git.run("cat-file", "-t", oid)).decode().strip()

    async def commit_of(self, oid: str) -> str | None:
        """The first of the pushed commits with this blob or tree in it."""
        found = await self._lines("log", "--format=%H", "-m", "-t", f"--find-object={oid}")
        return found[-1] if found else None

    async def touched(self) -> set[str]:
        """Every path that one of the pushed commits changes."""
        listed = await self._ask("log", "--format=", "-m", "--name-only", "--no-renames", "-z")
        return {name.decode(errors="surrogateescape") for name in listed.split(b"\0") if name}

    async def history(self, paths: Iterable[str], *, most: int) -> bytes:
        """What each pushed commit does to `paths`, oldest first, with who and why; cut after `most` bytes."""
        listed = b"".join(path.encode(errors="surrogateescape") + b"\n" for path in paths)
        words = ("log", "--stdin", "--reverse", "--patch", "-m", "--no-renames", *_PLAIN)
        call = self._git.call(*words, env={"GIT_LITERAL_PATHSPECS": "1"}, bounded=True)
        async with children.started(call, stdin=children.PIPE, stderr=children.DEVNULL) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(self._range + b"--\n" + listed)
            process.stdin.close()
            text = b""
            while len(text) <= most and (data := await process.stdout.read(READ)):
                text += data
        return text[:most] + b"\n[and more]\n" if len(text) > most else text

    async def already_there(self, secret: str) -> bool:
        """Whether every line of `secret` stands in a commit of the upstream's that the push builds on."""
        boundary = [line[1:] for line in await self._lines("rev-list", "--boundary") if line[:1] == "-"]
        lines = [line for line in secret.splitlines() if line.strip()]
        if not lines or not boundary:
            return False
        for commit in boundary[:_MOST_BOUNDARY]:
            if all([await self._holds(commit, line) for line in lines]):
                return True
        return False

    async def _holds(self, commit: str, text: str) -> bool:
        words = ("grep", "--quiet", "--text", "--fixed-strings", "-f", "-", commit)
        call = self._git.call(*words, bounded=True)
        async with children.started(call, stdin=children.PIPE) as process:
            await process.communicate(text.encode(errors="surrogateescape") + b"\n")
            return process.returncode == 0

    async def _lines(self, *words: str) -> Sequence[str]:
        return (await self._ask(*words)).decode(errors="surrogateescape").splitlines()

    async def _ask(self, *words: str) -> bytes:
        return await self._git.run(*words, "--stdin", stdin=self._range, bounded=True)


async def _content(output: asyncio.StreamReader, entry: Entry) -> AsyncIterator[bytes]:
    """The content as it is scanned: of a folder, the names in it, one a line."""
    if entry.kind == "tree":
        if entry.size > _MOST_TREE:
            raise ContentsError(f"a folder's listing has {entry.size} bytes")
        yield _names(await output.readexactly(entry.size))
        return
    left = entry.size
    while left:
        data = await output.read(min(left, READ))
        if not data:
            raise ContentsError("the pushed objects end early")
        left -= len(data)
        yield data


def _names(tree: bytes) -> bytes:
    """A tree object is a sequence of mode, space, name, NUL, and an object's 20 bytes."""
    names, at = [], 0
    while at < len(tree):
        start, end = tree.find(b" ", at) + 1, tree.find(b"\0", at)
        if not 0 < start <= end:
            raise ContentsError("a folder's listing is damaged")
        names.append(tree[start:end])
        at = end + 1 + _OBJECT_BYTES
    return b"\n".join(names)


def _words(said: bytes) -> str:
    return said.decode(errors="replace").strip().removeprefix("fatal: ") or "it cannot be walked"
