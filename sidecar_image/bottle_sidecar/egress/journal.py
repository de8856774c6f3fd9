"""The sidecar's log: one JSON line on stderr a decision. Never a query, a token or a placeholder."""

import json
import time
from collections.abc import Callable, Iterable
from typing import TextIO

from bottle_sidecar.policy.masking import Masker, Needles

_LONGEST = 300  # characters of any one text
_BURST = 400  # lines that may be written at once
_RATE = 50.0  # lines a second in the long run


class Journal:
    """Writes events. An agent that makes very many requests gets its lines counted instead of written."""

    def __init__(
        self, out: TextIO, secrets: Iterable[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = out
        self._mask = Masker(Needles(secrets)).mask_text
        self._clock = clock
        self._credit = float(_BURST)
        self._last = clock()
        self._suppressed = 0

    def write(self, event: str, **details: str | int | None) -> None:
        """One line; details that are None are left out."""
        if not self._admitted():
            self._suppressed += 1
            return
        if self._suppressed:
            self._line({"event": "suppressed", "lines": self._suppressed})
            self._suppressed = 0
        shown = {key: self._shown(value) for key, value in details.items() if value is not None}
        self._line({"event": event, **shown})

    def _line(self, fields: dict[str, str | int]) -> None:
        try:
            self._out.write(json.dumps({"time": round(time.time(), 3), **fields}) + "\n")
            self._out.flush()
        except (OSError, ValueError):
            return  # nobody reads the log any more; the bottle's exit goes on working until its owner ends it

    def _shown(self, value: str | int) -> str | int:
        return value if isinstance(value, int) else self._mask(value)[:_LONGEST]

    def _admitted(self) -> bool:
        now = self._clock()
        self._credit = min(_BURST, self._credit + (now - self._last) * _RATE)
        self._last = now
        if self._credit < 1:
            return False
        self._credit -= 1
        return True
