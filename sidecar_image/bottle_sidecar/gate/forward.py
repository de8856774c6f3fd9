"""Hands a push on to its upstream, and reads what that made of it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bottle_sidecar.gate import children
from bottle_sidecar.gate.children import READ
from bottle_sidecar.gate.git import Git
from bottle_sidecar.gate.upstream import Upstream
from bottle_sidecar.policy.gate import RefUpdate

_REMOTE = b"remote: "
_TOLD = 64 * 1024

Say = Callable[[str], Awaitable[None]]


class Forward:
    """`git` holds what is pushed. `options`: the push options that the client gave."""

    def __init__(self, git: Git, upstream: Upstream, options: Sequence[str]) -> None:
        self._git = Git(folder=git.folder, env=upstream.env)
        self._upstream = upstream
        self._options = options

    async def run(self, updates: Sequence[RefUpdate], say: Say, *, atomic: bool) -> Mapping[str, str | None]:
        """Ref -> why the upstream did not take it, None where it did. Raises UpstreamError for no answer."""
        call = self._git.call(*self._words(updates, atomic=atomic))
        async with children.started(call) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            told = asyncio.create_task(_relay(process.stderr, say))
            try:
                porcelain = await process.stdout.read()
                complaint = await told
            finally:
                told.cancel()
            code = await process.wait()
        results = dict(_results(porcelain))
        if not results:
            raise self._upstream.explain(children.failure(call, code, complaint))
        return {update.ref: results.get(update.ref, "the upstream did not answer") for update in updates}

    def _words(self, updates: Sequence[RefUpdate], *, atomic: bool) -> Sequence[str]:
        """Each ref changes only from what the client believed it to be: nobody else's change is lost."""
        leases = (
            f"--force-with-lease={update.ref}:{'' if update.creates else update.old}" for update in updates
        )
        specs = (f"{'' if update.deletes else update.new}:{update.ref}" for update in updates)
        return (
            "push",
            "--porcelain",
            "--no-verify",
            "--no-signed",
            *(("--atomic",) if atomic else ()),
            *(f"--push-option={option}" for option in self._options),
            *leases,
            "--",
            self._upstream.repo.url,
            *specs,
        )


async def _relay(reader: asyncio.StreamReader, say: Say) -> bytes:
    """The upstream's own words go on at once; the rest is git's and ssh's, and is kept."""
    kept, line = b"", b""
    while data := await reader.read(READ):
        *lines, line = (line + data).split(b"\n")
        if len(line) > READ:
            lines, line = [*lines, line], b""
        for whole in lines:
            if whole.startswith(_REMOTE):
                await say(whole.removeprefix(_REMOTE).decode(errors="replace"))
            else:
                kept = (kept + whole + b"\n")[-_TOLD:]
    return kept + line


def _results(porcelain: bytes) -> Sequence[tuple[str, str | None]]:
    """Lines of `git push --porcelain`: flag, tab, from:to, tab, summary and, in brackets, a reason."""
    found: list[tuple[str, str | None]] = []
    for line in porcelain.decode(errors="surrogateescape").split("\n"):
        flag, _, rest = line.partition("\t")
        spec, tab, summary = rest.partition("\t")
        if not tab or len(flag) != 1:
            continue
        reason = summary.rpartition("(")[2].removesuffix(")") if "(" in summary else summary
        found.append((spec.partition(":")[2], reason if flag == "!" else None))
    return found
