"""What reached the servers of `bottle selftest`, kept by the number that an attempt puts into its paths.

An attempt cannot be trusted to know what left, nor be told: it asks whether all of what it sent has come.
"""

import json
import re
from collections.abc import Sequence

from attrs import define, field

_NUMBER = re.compile(r"/leak/([0-9a-f]{12})")
_LONGEST = 16 * 1024 * 1024  # bytes kept of one stream
_MASK = 0x5A


@define(eq=False)
class Ledger:
    """By number: the streams that came with it, as bytes of the wire, of bodies, of messages."""

    _streams: dict[str, dict[str, bytearray]] = field(factory=dict, init=False)

    def add(self, target: str, stream: str, data: bytes) -> None:
        """Keeps what came, also where a request never ends. `target` without a number: nothing is kept."""
        found = _NUMBER.search(target)
        if found:
            kept = self._streams.setdefault(found[1], {}).setdefault(stream, bytearray())
            kept += data[: _LONGEST - len(kept)]

    def holds(self, number: str, forms: Sequence[bytes]) -> bool:
        """Whether each of these came, in whatever stream."""
        streams = self._streams.get(number, {}).values()
        return bool(forms) and all(any(form in stream for stream in streams) for form in forms)

    def answer(self, question: bytes) -> bytes:
        """To `{"number": ..., "forms": [...]}`, where forms are masked so that no scan sees them again."""
        try:
            asked = json.loads(question)
            forms = [bytes(byte ^ _MASK for byte in bytes.fromhex(form)) for form in asked["forms"]]
            return b"arrived" if self.holds(asked["number"], forms) else b"missing"
        except (ValueError, KeyError, TypeError):
            return b"what?"
