"""The audit logs: one file a bottle, written by its sidecar, kept when the bottle is gone.

`<identity>.jsonl` is the log; `<identity>.head` beside it says where it stood when the bottle ended, since a
chain alone cannot show that its last lines are missing.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cattrs
from attrs import frozen

from bottle.errors import BottleError
from bottle.state.identity import is_identity
from bottle.state.notes import Notes
from bottle_sidecar.policy.chain import Head, Link

_LINES, _HEAD, _NOTES = ".jsonl", ".head", ".notes"
_CHUNK = 1 << 20
_REFUSED = b',"event":"refused",'
_REFUSED_MANY = re.compile(rb',"event":"suppressed","of":"refused"[^\n]*?,"lines":(\d{1,15})\b')
"""Texts within a line have their quotes escaped, so these are found in no other place."""
_LONGEST_LINE = 65536
_DAY = 86400.0
_PAUSE = 0.1
_SHOWN = 60  # characters of a foreign line


@frozen(kw_only=True)
class Flaw:
    """What is wrong with a log, and at which of its lines, counted from 1."""

    line: int
    what: str


@frozen(kw_only=True)
class Verification:
    """What checking a log found. `closed`: a sidecar that ended in order wrote its last line."""

    lines: int
    closed: bool
    flaws: tuple[Flaw, ...]


@frozen(kw_only=True)
class AuditLog:
    """One bottle's."""

    identity: str
    path: Path

    def prepare(self) -> Head | None:
        """Makes the file, private, for a sidecar to add to; where its chain stands, if there is one.

        A line that was cut off is given an end, so that what follows stands in lines of its own.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    file.write(b"\n")
        return self._stands()

    def seal(self) -> None:
        """Puts on record where the log stands at its bottle's end; a log without a line is none."""
        head = self._stands()
        if head is None:
            if not self.path.stat().st_size:
                self.remove()
            return
        descriptor = os.open(self._head, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(json.dumps({"seq": head.seq, "hash": head.hash}) + "\n")

    def lines(self) -> Iterator[bytes]:
        """Every line, without its newline; one past all measure comes in pieces."""
        with self.path.open("rb") as file:
            while line := file.readline(_LONGEST_LINE):
                yield line.rstrip(b"\n")

    def entries(self) -> Iterator[dict[str, Any]]:
        """What the lines say; those that are none of the sidecar's are left out."""
        return (entry for entry in map(entry_of, self.lines()) if entry is not None)

    def follow(self, live: Callable[[], bool]) -> Iterator[bytes]:
        """Every line, and then those that come, until the bottle is no longer `live`."""
        with self.path.open("rb") as file:
            pending = b""
            while True:
                alive = live()  # asked first: what the end wrote is read after it
                while chunk := file.read(_LONGEST_LINE):
                    *whole, pending = (pending + chunk).split(b"\n")
                    yield from whole
                if not alive:
                    break
                time.sleep(_PAUSE)
            if pending:
                yield pending

    def verify(self) -> Verification:
        """Checks every line against the one before, and the end against what was put on record."""
        previous, flaws = Head.seed(self.identity), list[Flaw]()
        number, closed, sealed = 0, False, self._sealed()
        for number, line in enumerate(self.lines(), 1):
            link = Link.parse(line)
            if link is None:
                flaws.append(Flaw(line=number, what=_foreign(line)))
                continue
            if not link.follows(previous):
                flaws.append(Flaw(line=number, what=_break(previous, link)))
            elif sealed and link.head.seq == sealed.seq and link.head != sealed:
                flaws.append(Flaw(line=number, what="it is not what stood here when the bottle ended"))
            previous = link.head
            closed = (entry_of(line) or {}).get("event") == "closed"
        if sealed and previous.seq < sealed.seq:
            missing = f"the end was cut off: {_span(previous.seq + 1, sealed.seq)} missing"
            flaws.append(Flaw(line=number + 1, what=missing))
        return Verification(lines=number, closed=closed, flaws=tuple(flaws))

    def refusals(self) -> int:
        """Requests that were barred so far; the lines are searched, not parsed: a log may be large."""
        count = 0
        if not self.path.exists():
            return count
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK) + file.readline(_LONGEST_LINE):
                count += chunk.count(_REFUSED) + sum(map(int, _REFUSED_MANY.findall(chunk)))
        return count

    def written(self) -> float | None:
        """When the last line was, in seconds since the epoch; None where there is no log."""
        return self.path.stat().st_mtime if self.path.exists() else None

    @property
    def notes(self) -> Notes:
        """What the owner said; not chained."""
        return Notes(path=self.path.with_suffix(_NOTES))

    def age(self, now: float) -> float:
        """Days since the last line was written."""
        return (now - self.path.stat().st_mtime) / _DAY

    def remove(self) -> None:
        for path in (self.path, self._head, self.notes.path):
            path.unlink(missing_ok=True)

    @property
    def _head(self) -> Path:
        return self.path.with_suffix(_HEAD)

    def _stands(self) -> Head | None:
        """Behind the last line that has the shape of one."""
        found: Head | None = None
        for line in self.lines():
            link = Link.parse(line)
            found = found if link is None else link.head
        return found

    def _sealed(self) -> Head | None:
        """Where the log stood when the bottle ended last. Raises BottleError where that cannot be read."""
        try:
            text = self._head.read_text(errors="replace")
        except FileNotFoundError:
            return None
        try:
            return cattrs.structure(json.loads(text), Head)
        except Exception as error:  # whatever a converter raises
            raise BottleError("it does not say where the log ended", location=str(self._head)) from error


@frozen(kw_only=True)
class AuditLogs:
    """All of an operator's."""

    folder: Path

    def of(self, identity: str) -> AuditLog:
        return AuditLog(identity=identity, path=self.folder / f"{identity}{_LINES}")

    def identities(self) -> list[str]:
        names = sorted(path.stem for path in self.folder.glob(f"*{_LINES}"))
        return [name for name in names if is_identity(name)]

    def find(self, text: str) -> AuditLog:
        """The log of an identity, or of the one that begins so. Raises BottleError that says which exist."""
        identities = self.identities()
        found = [text] if text in identities else [name for name in identities if name.startswith(text)]
        if len(found) == 1:
            return self.of(found[0])
        if found:
            raise BottleError(f"'{text}' could be any of {', '.join(found)}", hint=f"bottle log {found[0]}")
        if not identities:
            raise BottleError(f"there is no log of '{text}', and of no other bottle")
        raise BottleError(
            f"there is no log of '{text}'", hint="bottle log IDENTITY, with one of: " + ", ".join(identities)
        )

    def older_than(self, days: float, now: float) -> list[AuditLog]:
        return [log for log in map(self.of, self.identities()) if log.age(now) > days]


def entry_of(line: bytes) -> dict[str, Any] | None:
    """What a line says; None where it is no line of a log."""
    if Link.parse(line) is None:
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _break(previous: Head, link: Link) -> str:
    """Why a line does not follow the one before."""
    if link.head.seq > previous.seq + 1:
        return f"before it, {_span(previous.seq + 1, link.head.seq - 1)} missing"
    if link.head.seq <= previous.seq:
        return f"it is out of order: number {link.head.seq} behind {previous.seq}"
    return "it was changed, or what stands before it was"


def _foreign(line: bytes) -> str:
    return f"it is no line of the sidecar's: {line[:_SHOWN].decode(errors='replace')!r}"


def _span(first: int, last: int) -> str:
    return f"number {first} is" if first == last else f"numbers {first} to {last} are"
