"""Ctrl-P Ctrl-Q, by which an operator leaves a session."""

import re
import time

_PATIENCE = 1.0


class DetachKeys:
    """Finds Ctrl-P Ctrl-Q in what is typed; Ctrl-P is held back until the next key, or for a second.

    Programs may have asked the terminal for the longer encodings of kitty and xterm, so these count, too.
    """

    _CONTROL = rb"(?:\x%02x|\x1b\[%d(?::\d*)*;(?:5|69|133|197)(?::1)?u|\x1b\[27;5;%d~)"
    _P = re.compile(_CONTROL % (0x10, ord("p"), ord("p")))
    _Q = re.compile(_CONTROL % (0x11, ord("q"), ord("q")))
    _RELEASE = re.compile(rb"\x1b\[\d+(?::\d*)*;\d+:3u")

    def __init__(self) -> None:
        self._held = b""
        self._held_since = 0.0

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """What goes on to the agent, and whether the operator wants to leave."""
        passed, position = b"", 0
        while position < len(typed):
            if self._held:
                if release := self._RELEASE.match(typed, position):
                    self._held += release.group()
                    position = release.end()
                    continue
                if self._Q.match(typed, position):
                    return passed, True
                passed, self._held = passed + self._held, b""
            found = self._P.search(typed, position)
            if not found:
                return passed + typed[position:], False
            passed += typed[position : found.start()]
            self._held, position = found.group(), found.end()
            self._held_since = time.monotonic()
        return passed, False

    @property
    def deadline(self) -> float | None:
        """When what is held back is due, on the monotonic clock; None where nothing is."""
        return self._held_since + _PATIENCE if self._held else None

    def due(self) -> bytes:
        """What was held back for long enough; it goes on to the agent."""
        if self.deadline is None or time.monotonic() < self.deadline:
            return b""
        held, self._held = self._held, b""
        return held
