"""What the owner of a detached bottle had to say when nobody was there: `<identity>.notes` beside its log."""

import os
from pathlib import Path

from attrs import frozen

_SHOWN = 4096
"""Bytes of the end that are shown."""


@frozen(kw_only=True)
class Notes:
    """One bottle's."""

    path: Path

    def open(self) -> int:
        """A descriptor to add to the file, which is made private."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def read(self) -> str | None:
        """The last of what was said; None of a bottle that was never detached."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _SHOWN))
                return file.read().decode(errors="replace").strip()
        except FileNotFoundError:
            return None
