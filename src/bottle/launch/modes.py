"""Which modes a program has switched on in the terminal it writes to.

Whoever leaves a terminal (detached, ended, killed) switches them off again; whoever joins later gets them
first. Without that, a killed full-screen program leaves mouse reports and a hidden cursor behind, and an
attached terminal does not bracket its pastes.
"""

import re

_ON_BY_DEFAULT = frozenset({7, 25})  # wrap at the margin, cursor visible
_PRIVATE = frozenset(
    {1, 7, 25, 47, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 1047, 1049, 2004, 2026, 2031}
)
_SEQUENCE = re.compile(
    rb"\x1b(?:\[\?(?P<private>[0-9;]{1,64})(?P<set>[hl])"
    rb"|\[>4(?:;(?P<other_keys>[0-9]))?m"
    rb"|\[>(?P<kitty_push>[0-9]{0,4})u"
    rb"|\[<(?P<kitty_pop>[0-9]{0,4})u"
    rb"|(?P<keypad>[=>])"
    rb"|(?P<reset>c|\[!p))"
)
_PARTIAL = re.compile(rb"\x1b(?:\[[?<>!]?[0-9;]{0,64})?\Z")
_MOST_KITTY_LEVELS = 16


class TerminalModes:
    """Follows a program's output."""

    def __init__(self) -> None:
        self._carried = b""
        self._clear()

    def _clear(self) -> None:
        self._changed: dict[int, bool] = {}
        self._keypad = False
        self._other_keys = b""
        self._kitty: list[bytes] = []

    def feed(self, output: bytes) -> None:
        """Takes the next piece of output; a sequence may be cut anywhere."""
        text = self._carried + output
        if b"\x1b" not in text:
            self._carried = b""
            return
        for match in _SEQUENCE.finditer(text):
            self._apply(match)
        partial = _PARTIAL.search(text, max(0, len(text) - 80))
        self._carried = partial.group() if partial else b""

    def entering(self) -> bytes:
        """What brings a fresh terminal into the modes that the program has switched on."""
        modes = [b"\x1b[?%d%c" % (mode, b"h"[0] if on else b"l"[0]) for mode, on in self._changed.items()]
        if self._keypad:
            modes.append(b"\x1b=")
        if self._other_keys:
            modes.append(b"\x1b[>4;%sm" % self._other_keys)
        return b"".join(modes + [b"\x1b[>%su" % flags for flags in self._kitty])

    def leaving(self) -> bytes:
        """What undoes `entering`; empty where every mode is as it is by default."""
        modes = [b"\x1b[<%du" % len(self._kitty)] if self._kitty else []
        if self._other_keys:
            modes.append(b"\x1b[>4m")
        if self._keypad:
            modes.append(b"\x1b>")
        for mode, on in reversed(self._changed.items()):
            modes.append(b"\x1b[?%d%c" % (mode, b"l"[0] if on else b"h"[0]))
        return b"".join([*modes, b"\x1b[m"]) if modes else b""

    def _apply(self, match: re.Match[bytes]) -> None:
        groups = match.groupdict()
        if groups["private"] is not None:
            self._set_private(groups["private"], on=groups["set"] == b"h")
        elif groups["kitty_push"] is not None:
            self._kitty = [*self._kitty, groups["kitty_push"] or b"0"][-_MOST_KITTY_LEVELS:]
        elif groups["kitty_pop"] is not None:
            del self._kitty[-max(1, int(groups["kitty_pop"] or 1)) :]
        elif groups["keypad"] is not None:
            self._keypad = groups["keypad"] == b"="
        elif groups["reset"] is not None:
            self._clear()
        else:
            self._other_keys = (groups["other_keys"] or b"").strip(b"0")

    def _set_private(self, numbers: bytes, *, on: bool) -> None:
        for number in numbers.split(b";"):
            mode = int(number or 0)
            if mode not in _PRIVATE:
                continue
            self._changed.pop(mode, None)
            if on != (mode in _ON_BY_DEFAULT):
                self._changed[mode] = on
