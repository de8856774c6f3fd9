"""The gate of one bottle: which repository a request is for, and what becomes of it."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

from attrs import field, frozen

from bottle_sidecar.control.protocol import GateStart
from bottle_sidecar.egress.journal import Journal
from bottle_sidecar.gate import children, packets
from bottle_sidecar.gate.approval import Approval
from bottle_sidecar.gate.children import ChildError
from bottle_sidecar.gate.http import Connection, Exchange, addressed
from bottle_sidecar.gate.leaks import Gitleaks, Known
from bottle_sidecar.gate.mirror import Mirror
from bottle_sidecar.gate.packets import PacketError
from bottle_sidecar.gate.receive import Asking, Orders, Outcome, Push, Refused, Sizes
from bottle_sidecar.gate.upstream import Logins, Upstream, UpstreamError
from bottle_sidecar.policy import gate as rules
from bottle_sidecar.policy.dlp.findings import KnownSecret
from bottle_sidecar.policy.gate import GateRepo, Target

_PLAIN = "text/plain; charset=utf-8"
_FETCH, _PUSH = "git-upload-pack", "git-receive-pack"
_LFS = "application/vnd.git-lfs+json"
_NO_LFS = "the git gate of bot-bottle carries no LFS objects: push and fetch without LFS, or ask the operator"
_FRESH = 30.0  # seconds that a look at the upstream counts for the requests that follow it
_AT_ONCE = 8  # exchanges that may run programs at the same time
_PUSHES_AT_ONCE = 2
_MOST_LOGGED = 20


@frozen(kw_only=True)
class Tools:
    """What every exchange of a bottle uses."""

    start: GateStart
    known: Known
    gitleaks: Gitleaks
    journal: Journal
    approval: Approval
    sizes: Sizes = field(factory=Sizes)

    @property
    def scratch(self) -> Path:
        return Path(self.start.scratch)

    @property
    def mirrors(self) -> Path:
        return Path(self.start.cache or self.scratch / "mirrors")


class Gate:
    """Serves connections that ask for the gate's host. `close` ends what it has started."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._journal = tools.journal
        self._approval = tools.approval
        self._logins = Logins(tools.scratch, Path(tools.start.sockets), tools.start.keys)
        self._mirrors: dict[str, Mirror] = {}
        self._looked: dict[str, float] = {}
        self._busy = asyncio.Semaphore(_AT_ONCE)
        self._pushing = asyncio.Semaphore(_PUSHES_AT_ONCE)

    def wants(self, start: bytes) -> bool | None:
        """Whether a connection that starts so asks for the gate; None where it is too early to say."""
        return addressed(start, rules.GATE_HOST)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Connection(reader, writer, self._answer).serve()

    def learn(self, secrets: Iterable[KnownSecret]) -> None:
        """What a push must not publish, besides what is known."""
        self._tools.known.learn(secrets)

    async def close(self) -> None:
        await self._logins.close()

    async def _answer(self, exchange: Exchange) -> None:
        target = Target.parse(exchange.path)
        if target is None:
            await exchange.answer(404, _PLAIN, b"The git gate of bot-bottle serves git alone.\n")
            return
        if target.service == "info/lfs":
            await exchange.answer(501, _LFS, json.dumps({"message": _NO_LFS}).encode())
            return
        service = self._service(exchange, target)
        repo = rules.find(self._tools.start.repos, target.place)
        if service is None:
            await exchange.answer(403, _PLAIN, b"The git gate of bot-bottle needs git's smart protocol.\n")
        elif repo is None:
            self._journal.write(
                "refused", host=rules.GATE_HOST, path=rules.shown(target.place), rule="gate.undeclared"
            )
            await self._refuse(exchange, service, _undeclared(target, self._tools.start.repos))
        else:
            async with self._busy:
                await self._serve(exchange, target, service, repo)

    @staticmethod
    def _service(exchange: Exchange, target: Target) -> str | None:
        """Which of git's two services is asked for; None where the request is none that git makes."""
        if target.service == "info/refs":
            name = exchange.query.removeprefix("service=")
            return name if exchange.method == "GET" and name in {_FETCH, _PUSH} else None
        kind = exchange.headers.get("content-type")
        fits = exchange.method == "POST" and kind == f"application/x-{target.service}-request"
        return target.service if fits else None

    async def _serve(self, exchange: Exchange, target: Target, service: str, repo: GateRepo) -> None:
        first = target.service == "info/refs"
        try:
            mirror = await self._mirror(repo)
            if first or not self._fresh(repo):
                self._note(service, repo, verdict="asked")
                await mirror.update()
                self._looked[repo.name] = _now()
        except (UpstreamError, OSError, TimeoutError) as error:
            self._note(service, repo, verdict="failed", reason=str(error))
            await self._refuse(exchange, service, str(error))
            return
        if first:
            await self._advertise(exchange, service, mirror)
        elif service == _FETCH:
            await self._fetch(exchange, mirror)
        else:
            await self._push(exchange, mirror)

    async def _mirror(self, repo: GateRepo) -> Mirror:
        if (mirror := self._mirrors.get(repo.name)) is None:
            login = await self._logins.of(repo)
            known_hosts = self._tools.scratch / f"{self._tools.start.repos.index(repo)}.hosts"
            known_hosts.write_text(repo.known_host)
            upstream = Upstream(repo=repo, login=login, known_hosts=known_hosts)
            mirror = Mirror(self._tools.mirrors / f"{Mirror.name(upstream)}.git", upstream)
            self._mirrors[repo.name] = mirror
        return mirror

    def _fresh(self, repo: GateRepo) -> bool:
        looked = self._looked.get(repo.name)
        return looked is not None and _now() - looked < _FRESH

    async def _advertise(self, exchange: Exchange, service: str, mirror: Mirror) -> None:
        """The refs, as the upstream has them at this moment."""
        words = (service.removeprefix("git-"), "--stateless-rpc", "--advertise-refs", str(mirror.git.folder))
        version = _version(exchange) if service == _FETCH else {}
        refs = await children.run(mirror.git.call(*words, env=version))
        await exchange.respond(200, f"application/x-{service}-advertisement")
        if version.get("GIT_PROTOCOL") != "version=2":
            await exchange.send(packets.packet(f"# service={service}\n".encode()) + packets.FLUSH)
        await exchange.send(refs)
        await exchange.end()

    async def _fetch(self, exchange: Exchange, mirror: Mirror) -> None:
        call = mirror.git.call(
            "upload-pack", "--stateless-rpc", str(mirror.git.folder), env=_version(exchange)
        )
        async with children.started(call, stdin=children.PIPE, stderr=children.DEVNULL) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            feeding = asyncio.create_task(_feed(exchange, process.stdin))
            try:
                await exchange.respond(200, f"application/x-{_FETCH}-result")
                sent = 0
                while data := await process.stdout.read(children.READ):
                    sent += len(data)
                    await exchange.send(data)
                await feeding
            finally:
                feeding.cancel()
            await exchange.end()
        self._note(_FETCH, mirror.upstream.repo, verdict="served", bytes=sent)

    async def _push(self, exchange: Exchange, mirror: Mirror) -> None:
        try:
            orders = await Orders.read(exchange)
        except PacketError as error:
            await exchange.drain()
            await exchange.answer(400, _PLAIN, f"The git gate of bot-bottle: {error}.\n".encode())
            return
        if not orders.updates:  # git tries the way first, before it sends much
            await exchange.answer(200, f"application/x-{_PUSH}-result", b"")
            return
        async with self._pushing, self._quarantine() as folder:
            push = Push(
                mirror,
                folder,
                known=self._tools.known,
                gitleaks=self._tools.gitleaks,
                sizes=self._tools.sizes,
            )
            damage = await push.unpack(orders, exchange)
            await exchange.respond(200, f"application/x-{_PUSH}-result")
            terminal = _Terminal(exchange, banded="side-band-64k" in orders.capabilities)
            outcome = await self._outcome(push, orders, terminal, mirror, damage)
        if {"report-status", "report-status-v2"} & orders.capabilities:
            await terminal.report(outcome)
        await exchange.end()

    async def _outcome(
        self, push: Push, orders: Orders, terminal: "_Terminal", mirror: Mirror, damage: str | None
    ) -> Outcome:
        """What the client is told, whatever happened."""
        repo = mirror.upstream.repo
        refs = [update.ref for update in orders.updates]

        def note(verdict: str, reason: str | None) -> None:
            for ref in refs[:_MOST_LOGGED]:
                self._note(_PUSH, repo, verdict=verdict, ref=rules.shown(ref), reason=reason)

        if damage is not None:
            self._log_push(repo, dict.fromkeys(refs, "damaged"), "refused")
            return Outcome(unpacked=damage, results=dict.fromkeys(refs, "the pack was not taken"))
        try:
            asking = Asking(terminal=terminal, approval=self._approval, note=note)
            outcome = await push.carry_out(orders, asking)
        except Refused as refused:
            await terminal.refuse(refused)
            outcome = Outcome(results=dict.fromkeys(refs, refused.reason))
            self._log_push(repo, outcome.results, "refused")
        except (UpstreamError, ChildError) as error:
            await terminal.say(f"bot-bottle: {error}.")
            outcome = Outcome(results=dict.fromkeys(refs, "it was not forwarded"))
            self._log_push(repo, dict.fromkeys(refs, str(error)), "failed")
        else:
            self._log_push(repo, outcome.results, "rejected by the upstream")
        return outcome

    def _log_push(self, repo: GateRepo, results: Mapping[str, str | None], verdict: str) -> None:
        for ref, problem in list(results.items())[:_MOST_LOGGED]:
            said = "forwarded" if problem is None else verdict
            self._note(_PUSH, repo, verdict=said, ref=rules.shown(ref), reason=problem)

    def _note(self, service: str, repo: GateRepo, **details: str | int | None) -> None:
        self._journal.write("fetch" if service == _FETCH else "push", repo=repo.name, **details)

    async def _refuse(self, exchange: Exchange, service: str, text: str) -> None:
        """Says no so that git shows the words: at the first request of an exchange, and at a later one."""
        await exchange.drain()
        line = packets.packet(f"ERR bot-bottle: {text}\n".encode(errors="replace"))
        if exchange.method != "GET":
            await exchange.answer(200, f"application/x-{service}-result", line)
            return
        head = packets.packet(f"# service={service}\n".encode()) + packets.FLUSH
        await exchange.answer(200, f"application/x-{service}-advertisement", head + line)

    @asynccontextmanager
    async def _quarantine(self) -> AsyncIterator[Path]:
        folder = Path(mkdtemp(prefix="push-", dir=self._tools.scratch))
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


class _Terminal:
    """What is said to the agent while its push is under way, and at its end."""

    def __init__(self, exchange: Exchange, *, banded: bool) -> None:
        self._exchange = exchange
        self._banded = banded

    async def say(self, text: str) -> None:
        if self._banded:
            await self._exchange.send(b"".join(packets.banded(2, text.encode(errors="replace") + b"\n")))

    async def pulse(self) -> None:
        if self._banded:
            await self._exchange.send(packets.KEEP_ALIVE)

    async def refuse(self, refused: Refused) -> None:
        await self.say("bot-bottle: the push is refused; nothing of it was forwarded or kept.")
        for line in refused.text:
            await self.say(f"  {line}")

    async def report(self, outcome: Outcome) -> None:
        report = outcome.report()
        if self._banded:
            report = b"".join(packets.banded(1, report)) + packets.FLUSH
        await self._exchange.send(report)


async def _feed(exchange: Exchange, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await exchange.read():
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        return
    finally:
        sink.close()


def _version(exchange: Exchange) -> Mapping[str, str]:
    """Only what the client may choose: one of git's protocol versions."""
    asked = exchange.headers.get("git-protocol", "").split(":")
    wanted = [part for part in asked if part in {"version=1", "version=2"}]
    return {"GIT_PROTOCOL": wanted[-1]} if wanted else {}


def _undeclared(target: Target, repos: tuple[GateRepo, ...]) -> str:
    declared = ", ".join(repo.url for repo in repos) or "none"
    return (
        f"{rules.shown(target.place)} is not declared. Declared are: {declared}. "
        "To get another one, ask the operator to add it to git-gate.repos of the bottle's manifest"
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
