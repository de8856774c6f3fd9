"""Long results page by page, as git shows its own."""

import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO

from attrs import field, frozen

from bottle import proc
from bottle.errors import BottleError
from bottle.proc import Command

_VARIABLES = ("BOTTLE_PAGER", "GIT_PAGER", "PAGER")
_USUAL = "less"
_NOT_RUN = (126, 127)  # as shells say it
_LESS = "FRX"
"""End at once where it fits on the screen, let colours through, leave the text there."""


@frozen(kw_only=True)
class Pager:
    """`environ`: the operator's. `descriptor`: what is written to where no pager comes between."""

    environ: Mapping[str, str] = field(repr=False)
    descriptor: int

    @property
    def words(self) -> str | None:
        """A command for the shell; None where nothing is to come between."""
        for name in _VARIABLES:
            if name in self.environ:
                chosen = self.environ[name].strip()
                return None if chosen in ("", "cat") else chosen
        return _USUAL if shutil.which(_USUAL, path=self.environ.get("PATH")) else None

    @contextmanager
    def output(self) -> Iterator[IO[bytes]]:
        """Where to write. A pager that is left early is no error: what is written then goes nowhere.

        Ctrl-C is the pager's for as long as it runs. Raises BottleError where it cannot be run.
        """
        if self.words is None:
            with suppress(BrokenPipeError), open(self.descriptor, "wb", closefd=False) as stream:
                yield stream
            return
        env = {**self.environ, "LESS": self.environ.get("LESS", _LESS), "LV": self.environ.get("LV", "-c")}
        process = proc.spawn(Command(argv=("sh", "-c", self.words), env=env), stdin=proc.PIPE)
        assert process.stdin is not None
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with suppress(BrokenPipeError), process.stdin:
                yield process.stdin
        finally:
            code = process.wait()
            signal.signal(signal.SIGINT, before)
        if code in _NOT_RUN:
            raise BottleError(f"the pager '{self.words}' cannot be run", hint="BOTTLE_PAGER=cat does without")
