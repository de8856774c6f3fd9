"""One push: taken into a quarantine that is thrown away, looked into, and only then forwarded.

The upstream alone decides what its refs become. Nothing that was pushed stays here, whatever it says.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from attrs import frozen

from bottle_sidecar.gate import children, packets
from bottle_sidecar.gate.approval import TEXT, Approval, Covered, NotApproved, Terminal
from bottle_sidecar.gate.children import ChildError
from bottle_sidecar.gate.contents import Contents, ContentsError
from bottle_sidecar.gate.forward import Forward
from bottle_sidecar.gate.git import Git
from bottle_sidecar.gate.leaks import Gitleaks, Known, Leak, LeakScan
from bottle_sidecar.gate.mirror import Mirror
from bottle_sidecar.gate.packets import PacketError
from bottle_sidecar.policy import gate as rules
from bottle_sidecar.policy.gate import PushRules, RefUpdate

_ORDERS = 1024**2  # bytes of commands and options
_SHOWN = 10
_REMOVE = (
    "Take it out of every commit that has it (a later commit does not help): `git commit --amend` or "
    "`git rebase -i`, then push again. A secret that was real should be replaced."
)


@frozen(kw_only=True)
class Sizes:
    """Bytes that one push may have: as a pack, and unpacked."""

    pack: int = 4 * 1024**3
    contents: int = 16 * 1024**3


class Source(Protocol):
    """A request's body."""

    async def read(self) -> bytes:
        """What comes next; empty at the end."""
        ...

    async def exactly(self, size: int) -> bytes:
        """Raises EOFError where the body ends before."""
        ...


class Refused(Exception):  # noqa: N818 - not an error of ours
    """The push is not forwarded. `reason`: for each ref's line; `text`: for the terminal, lines."""

    def __init__(self, reason: str, *text: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text


@frozen(kw_only=True)
class Orders:
    """What the client asks for, before its pack."""

    updates: Sequence[RefUpdate]
    capabilities: frozenset[str]
    options: Sequence[str] = ()

    @classmethod
    async def read(cls, source: Source) -> "Orders":
        """Raises PacketError; EOFError where the client went away."""
        updates: list[RefUpdate] = []
        capabilities = frozenset[str]()
        for line in await packets.until_flush(source.exactly, _ORDERS):
            command, _, extra = line.partition(b"\0")
            words = command.decode(errors="surrogateescape").removesuffix("\n").split(" ", 2)
            if words[0] == "shallow":
                continue
            if not updates:
                capabilities = frozenset(extra.decode(errors="replace").split())
            if len(words) != 3:
                raise PacketError("an order that the gate does not know")
            updates.append(RefUpdate(old=words[0], new=words[1], ref=words[2]))
        options: list[str] = []
        if "push-options" in capabilities:
            lines = await packets.until_flush(source.exactly, _ORDERS)
            options = [line.decode(errors="surrogateescape").removesuffix("\n") for line in lines]
        return cls(updates=tuple(updates), capabilities=capabilities, options=tuple(options))

    @property
    def pack_follows(self) -> bool:
        return any(not update.deletes for update in self.updates)


@frozen(kw_only=True)
class Outcome:
    """What the client is told. `results`: ref -> why not, None where it was done."""

    unpacked: str = "ok"
    results: Mapping[str, str | None]

    def report(self) -> bytes:
        lines = [f"unpack {self.unpacked}\n"]
        for ref, problem in self.results.items():
            lines.append(f"ok {ref}\n" if problem is None else f"ng {ref} {problem}\n")
        encoded = (packets.packet(line.encode(errors="surrogateescape")) for line in lines)
        return b"".join(encoded) + packets.FLUSH


@frozen(kw_only=True)
class Asking:
    """Whom a push talks to: the agent's `terminal`, and by `approval` the operator; `note` logs verdicts."""

    terminal: Terminal
    approval: Approval
    note: Callable[[str, str | None], None]


class Push:
    """`folder` is the quarantine's; whoever made it removes it."""

    def __init__(
        self, mirror: Mirror, folder: Path, *, known: Known, gitleaks: Gitleaks, sizes: Sizes
    ) -> None:
        self._mirror = mirror
        self._folder = folder
        self._git = Git(folder=folder / "quarantine.git")
        self._known = known
        self._gitleaks = gitleaks
        self._sizes = sizes

    @property
    def _rules(self) -> PushRules:
        return self._mirror.upstream.repo.push

    async def unpack(self, orders: Orders, source: Source) -> str | None:
        """Takes the pack in, to its end in any case; what is wrong with it, None where nothing is."""
        await self._git.init()
        self._git.borrow(self._mirror.objects)
        if not orders.pack_follows:
            return None
        limit = f"--max-input-size={self._sizes.pack}"
        call = self._git.call("index-pack", "--stdin", "--fix-thin", limit, bounded=True)
        async with children.started(call, stdin=children.PIPE, stdout=children.DEVNULL) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            said = asyncio.create_task(children.gathered(process.stderr))
            try:
                await _pour(source, process.stdin)
                complaint = (await said).decode(errors="replace").strip()
            finally:
                said.cancel()
            failed = await process.wait()
        return (
            (complaint.splitlines() or ["index-pack failed"])[-1].removeprefix("fatal: ") if failed else None
        )

    async def carry_out(self, orders: Orders, asking: Asking) -> Outcome:
        """Judges, looks into, asks, forwards. Raises Refused, and UpstreamError where that is not reached."""
        known = await self._mirror.git.refs()
        await self._judge(orders)
        await self._look(orders, known, asking)
        asking.note("allowed", None)
        forward = Forward(self._git, self._mirror.upstream, orders.options)
        atomic = "atomic" in orders.capabilities
        results = await forward.run(orders.updates, asking.terminal.say, atomic=atomic)
        return Outcome(results=results)

    async def _judge(self, orders: Orders) -> None:
        for update in orders.updates:
            problem = rules.malformed(update) or rules.refusal(self._rules, update)
            if problem is None and not self._rules.force and await self._forced(update):
                problem = "push.force of the manifest forbids this: it would throw commits away"
            if problem is not None:
                raise Refused(problem, f"{rules.shown(update.ref)}: {problem}.")

    async def _forced(self, update: RefUpdate) -> bool:
        if update.creates or update.deletes:
            return False
        if update.ref.startswith("refs/tags/"):
            return True
        try:
            await self._git.run("merge-base", "--is-ancestor", update.old, update.new)
        except ChildError:
            return True
        return False

    async def _look(self, orders: Orders, known: Mapping[str, str], asking: Asking) -> None:
        tips = [update.new for update in orders.updates if not update.deletes]
        contents = Contents(self._git, tips, known.values(), most=self._sizes.contents)
        scan = LeakScan(contents, self._known, self._gitleaks, self._folder / "gitleaks")
        spoken = [*(update.ref for update in orders.updates), *orders.options]
        try:
            if tips:
                await contents.collect()
                if "quiet" not in orders.capabilities:
                    await asking.terminal.say(f"looking for secrets in {await contents.count()} new commits")
            leaks = await scan.leaks(spoken, with_contents=bool(tips))
            if leaks:
                raise Refused(f"a secret was found ({leaks[0].rule})", *_explained(leaks))
            if tips:
                await self._ask(orders, contents, asking)
        except ContentsError as error:
            raise Refused("it cannot be looked into", f"{error}.") from None
        except ChildError as error:
            raise Refused("it cannot be looked into", f"the scan failed: {error}") from None

    async def _ask(self, orders: Orders, contents: Contents, asking: Asking) -> None:
        if not self._rules.paths_ask:
            return
        paths = sorted(path for path in await contents.touched() if rules.asks(self._rules, path))
        if not paths:
            return
        history = await contents.history(paths, most=TEXT)
        covered = Covered(
            repo=self._mirror.upstream.repo,
            updates=orders.updates,
            paths=paths,
            history=self._known.mask(history.decode(errors="replace")),
        )
        try:
            await asking.approval.of(covered, asking.terminal, asking.note)
        except NotApproved as error:
            raise Refused(error.reason, *error.text) from None


def _explained(leaks: Sequence[Leak]) -> Sequence[str]:
    more = (f"and {len(leaks) - _SHOWN} more",) if len(leaks) > _SHOWN else ()
    return (*(leak.text for leak in leaks[:_SHOWN]), *more, _REMOVE)


async def _pour(source: Source, sink: asyncio.StreamWriter) -> None:
    """Everything, also when the reader has given up: the client only listens when it has sent all."""
    broken = False
    while data := await source.read():
        if broken:
            continue
        try:
            sink.write(data)
            await sink.drain()
        except ConnectionError:
            broken = True
    sink.close()
