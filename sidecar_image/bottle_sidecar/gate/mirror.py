"""A bare copy of one upstream, as that upstream was at the last look: what fetches are served from.

Nothing that a bottle pushes ever enters it; so bottles that hold the same key to the same upstream may
share one.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

from bottle_sidecar.gate import children
from bottle_sidecar.gate.children import ChildError
from bottle_sidecar.gate.git import Git
from bottle_sidecar.gate.upstream import Upstream

_HEAD = "HEAD"
_REFS = "+refs/*:refs/*"
_GLANCE = 0.02
_MOST_PACKS = 40


class Mirror:
    """The copy in `folder` of one upstream."""

    def __init__(self, folder: Path, upstream: Upstream) -> None:
        self.upstream = upstream
        self.git = Git(folder=folder)
        self._reaching = Git(folder=folder, env=upstream.env)

    @staticmethod
    def name(upstream: Upstream) -> str:
        """Differs where the upstream, its host key or our key differs."""
        parts = (upstream.repo.url, upstream.repo.host_key, upstream.login.fingerprint)
        return sha256("\0".join(parts).encode()).hexdigest()[:24]

    @property
    def objects(self) -> Path:
        return self.git.folder / "objects"

    async def update(self) -> None:
        """Makes it what the upstream is now. Raises UpstreamError; the copy is not to be served then."""
        self.git.folder.mkdir(parents=True, exist_ok=True)
        async with self._locked():
            self._unlock()
            try:
                await self.git.init()
                head, wanted = _listing(await self._ask("ls-remote", "--symref"))
                if wanted != await self.git.refs():
                    await self._ask("fetch", "--quiet", "--prune", "--no-write-fetch-head", refs=(_REFS,))
                    await self._tidy()
                if head and head != await self._head():
                    await self.git.run("symbolic-ref", _HEAD, head)
            except ChildError as error:
                raise self.upstream.explain(error) from None

    def _unlock(self) -> None:
        """Removes git's own locks: nobody else writes here now, so whoever made them was killed."""
        for stale in (*self.git.folder.glob("*.lock"), *(self.git.folder / "refs").rglob("*.lock")):
            stale.unlink(missing_ok=True)

    async def _tidy(self) -> None:
        """Each fetch leaves a pack; joins them when they are many. None of their objects is dropped."""
        if len(list((self.objects / "pack").glob("*.pack"))) > _MOST_PACKS:
            await self.git.run("repack", "--quiet", "--geometric=2", "-d")

    async def _ask(self, command: str, *options: str, refs: tuple[str, ...] = ()) -> bytes:
        words = (command, *options, "--", self.upstream.repo.url, *refs)
        return await children.run(self._reaching.call(*words))

    async def _head(self) -> str:
        return (await self.git.run("symbolic-ref", _HEAD)).decode(errors="surrogateescape").strip()

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """One updater at a time, also among the bottles that share the copy."""
        path = self.git.folder.with_suffix(".lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        try:
            while not _try_lock(descriptor):  # noqa: ASYNC110 - other processes tell nobody
                await asyncio.sleep(_GLANCE)
            yield
        finally:
            os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _listing(answer: bytes) -> tuple[str | None, Mapping[str, str]]:
    """What `ls-remote --symref` says: the branch that HEAD is, and each ref's object id."""
    head, refs = None, {}
    for line in answer.decode(errors="surrogateescape").split("\n"):
        value, _, name = line.partition("\t")
        if name == _HEAD and value.startswith("ref: "):
            head = value.removeprefix("ref: ")
        elif name.startswith("refs/") and not name.endswith("^{}"):
            refs[name] = value
    return head, refs
