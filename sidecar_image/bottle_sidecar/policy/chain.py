"""The audit log's hash chain: written by the sidecar, checked by the host.

A line is canonical JSON (ASCII, no spaces, the writer's order of keys) with `seq` first and `hash` last.
`hash` is the SHA-256 of the previous line's hash followed by the line's own text without its `hash`, so any
changed byte shows. The first line's previous hash is made from the bottle's identity.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Self

from attrs import frozen

_LINE = re.compile(rb'(\{"seq":([1-9][0-9]{0,18})(?:,.*)?),"hash":"([0-9a-f]{64})"\}\Z')
_SEED = b"bot-bottle audit log 1\n"


@frozen(kw_only=True)
class Head:
    """Where a chain stands: the number and hash of its last line."""

    seq: int
    hash: str

    @classmethod
    def seed(cls, identity: str) -> Self:
        """Where the chain of a bottle begins."""
        return cls(seq=0, hash=hashlib.sha256(_SEED + identity.encode()).hexdigest())

    def link(self, fields: Mapping[str, Any]) -> "Link":
        """The next line, which says `fields`; they name neither `seq` nor `hash`."""
        seq = self.seq + 1
        text = json.dumps({"seq": seq, **fields}, separators=(",", ":"))[:-1].encode("ascii")
        digest = _digest(self.hash, text)
        return Link(head=Head(seq=seq, hash=digest), line=b'%s,"hash":"%s"}' % (text, digest.encode()))


@frozen(kw_only=True)
class Link:
    """One line, without its newline, and where the chain stands behind it."""

    head: Head
    line: bytes

    @classmethod
    def parse(cls, line: bytes) -> Self | None:
        """What a line says of itself; None where it has not the shape of one."""
        found = _LINE.match(line)
        if found is None:
            return None
        return cls(head=Head(seq=int(found[2]), hash=found[3].decode()), line=line)

    def follows(self, previous: Head) -> bool:
        """Whether the line is unchanged, and the next one behind `previous`."""
        found = _LINE.match(self.line)
        return (
            found is not None
            and self.head.seq == previous.seq + 1
            and self.head.hash == _digest(previous.hash, found[1])
        )


def _digest(previous: str, text: bytes) -> str:
    return hashlib.sha256(previous.encode() + text).hexdigest()
