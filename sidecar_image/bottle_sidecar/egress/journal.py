"""The audit log: one chained JSON line a decision. Never a query, a token or a placeholder.

The host gives the file behind the sidecar's stderr. A line that cannot be written is never passed over:
`lost` is called, and ends the bottle's way out (docs/decisions/0122).
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import BinaryIO

from bottle_sidecar.policy.chain import Head
from bottle_sidecar.policy.masking import Masker, Needles

_LONGEST = 300  # characters of any one text
_BURST = 1000  # lines that may be written at once
_RATE = 50.0  # lines a second in the long run
_HELD = 1000  # suppressed lines after which their counts are written
_DISTINCT = 32  # hosts, rules and events that suppressed lines are told apart by
_UNSAFE = re.compile(r"[^ -~]")
_VERDICTS = {"allowed": "allowed", "tunnel": "allowed", "refused": "refused"}
_UNBOUNDED = frozenset(
    {"opened", "closed", "usage", "renewed", "remark"}
)  # few by nature, and never to be counted instead

Detail = str | int | float | None
_Kind = tuple[str, str | None, str | None]


class Journal:
    """Writes lines. An agent that makes very many requests gets some counted, by host and rule, instead.

    `span`: the number of this sidecar's `opened` line; it tells its exchanges from those of others before.
    """

    def __init__(
        self,
        out: BinaryIO,
        secrets: Iterable[str],
        *,
        identity: str,
        head: Head | None = None,
        lost: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out
        self._identity = identity
        self._head = head or Head.seed(identity)
        self._secrets: tuple[str, ...] = ()
        self.learn(secrets)
        self._lost = lost
        self._clock = clock
        self._credit = float(_BURST)
        self._last = clock()
        self._suppressed = _Suppressed()
        self.span = self._head.seq

    def learn(self, secrets: Iterable[str]) -> None:
        """Masks these, too, from now on."""
        self._secrets = tuple(dict.fromkeys((*self._secrets, *secrets)))
        self._mask = Masker(Needles(self._secrets)).mask_text

    def write(self, event: str, **details: Detail) -> None:
        """One line; details that are None are left out."""
        shown = {key: self._shown(value) for key, value in details.items() if value is not None}
        if verdict := _VERDICTS.get(event):
            shown = {"verdict": verdict, **shown}
        if event not in _UNBOUNDED and not self._admitted():
            self._suppressed.add(event, shown)
            if self._suppressed.lines >= _HELD:
                self._tell_suppressed()
            return
        self._tell_suppressed()
        self._line(event, shown)

    def open(self) -> None:
        """The first line of a sidecar: behind it stands what this process decides."""
        self.write("opened", format=1)
        self.span = self._head.seq

    def close(self) -> None:
        """The last line of a sidecar that ends in order. A log without it was cut off."""
        self.write("closed")

    def _tell_suppressed(self) -> None:
        for fields in self._suppressed.take():
            self._line("suppressed", fields)

    def _line(self, event: str, fields: dict[str, str | int | float]) -> None:
        named = {"time": round(time.time(), 3), "identity": self._identity, "event": event, **fields}
        link = self._head.link(named)
        try:
            self._out.write(link.line + b"\n")
            self._out.flush()
        except (OSError, ValueError):
            self._lost()
            return
        self._head = link.head

    def _shown(self, value: str | float) -> str | int | float:
        if not isinstance(value, str):
            return value
        return _UNSAFE.sub(_escaped, self._mask(value)[:_LONGEST])[:_LONGEST]

    def _admitted(self) -> bool:
        now = self._clock()
        self._credit = min(_BURST, self._credit + (now - self._last) * _RATE)
        self._last = now
        if self._credit < 1:
            return False
        self._credit -= 1
        return True


class _Suppressed:
    """Lines that were not written, counted by event, host and rule; past a bound of these, by event alone."""

    def __init__(self) -> None:
        self._kinds: dict[_Kind, Counter[str]] = {}
        self.lines = 0

    def add(self, event: str, fields: dict[str, str | int | float]) -> None:
        host, rule = (None if fields.get(name) is None else str(fields[name]) for name in ("host", "rule"))
        kind: _Kind = (event, host, rule)
        if kind not in self._kinds and len(self._kinds) >= _DISTINCT:
            kind = (event, None, None)
        counts = self._kinds.setdefault(kind, Counter())
        counts["lines"] += 1
        counts.update({name: int(fields[name]) for name in ("sent", "received") if name in fields})
        self.lines += 1

    def take(self) -> list[dict[str, str | int | float]]:
        """What a line each says of them; the counting starts anew."""
        kinds, self._kinds, self.lines = self._kinds, {}, 0
        return [
            {
                **{
                    name: value
                    for name, value in zip(("of", "host", "rule"), kind, strict=True)
                    if value is not None
                },
                **counts,
            }
            for kind, counts in kinds.items()
        ]


def _escaped(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"
