"""Everything that is printed: results on stdout; progress, notes, warnings and errors on stderr.

rich is loaded only where a spinner is to turn, in `_live_display`, the one place that knows it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Self, TextIO

from bottle.cli import render
from bottle.cli.render import Result
from bottle.errors import BottleError
from bottle.progress import Progress
from bottle.terminal import printable

if TYPE_CHECKING:
    from rich.progress import Progress as LiveDisplay

_WORTH_MENTIONING = 1.0
"""Seconds from which on a finished step is said to have taken its time."""
_RED, _YELLOW, _DIM, _BOLD = "1;31", "1;33", "2", "1"


class Tone(StrEnum):
    """How a line of a result is meant; its colour on a terminal."""

    PLAIN = ""
    GOOD = "32"
    BAD = _RED
    FAINT = _DIM


class Console:
    """Speaks to the operator: results on `stdout`, all else on `stderr`. It is a bottle.progress.Progress.

    `live`: stderr is a terminal that can redraw a line. `color`: it may get colours.
    `color_results`: stdout may.
    """

    def __init__(
        self, stdout: TextIO, stderr: TextIO, *, live: bool, color: bool, color_results: bool = False
    ) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._live = live
        self._color = color
        self._color_results = color_results
        self._display: LiveDisplay | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, stdout: TextIO, stderr: TextIO) -> Self:
        """Redraws and colours only on a terminal that is not dumb; NO_COLOR, non-empty, turns colours off."""
        smart = environ.get("TERM", "dumb") != "dumb"
        colorful = smart and not environ.get("NO_COLOR")
        return cls(
            stdout,
            stderr,
            live=smart and stderr.isatty(),
            color=colorful and stderr.isatty(),
            color_results=colorful and stdout.isatty(),
        )

    def speak_to(self, stderr: TextIO, *, plain: bool = False) -> None:
        """Everything but results goes there from now on; `plain`: it is no terminal. Not within a step."""
        self._stderr = stderr
        if plain:
            self._live = self._color = False

    @property
    def colors_results(self) -> bool:
        """Whether results may get colours."""
        return self._color_results

    @property
    def progress(self) -> Progress:
        return self

    def result(self, result: Result, *, as_json: bool) -> None:
        """Prints a result. Its warnings go to stderr, unless the JSON document has them."""
        text = render.as_json(result) if as_json else render.as_text(result)
        if text:
            self._stdout.write(text + "\n")
            self._stdout.flush()
        if not as_json:
            for warning in result.warnings:
                self.warn(warning)

    def line(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Prints one line of a result that comes bit by bit."""
        shown = printable(text)
        self._stdout.write((f"\x1b[{tone}m{shown}\x1b[0m" if tone and self._color_results else shown) + "\n")
        self._stdout.flush()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Shows `title` for as long as the context lasts, and afterwards how long that was if it was long."""
        begun = time.monotonic()
        try:
            with self._spinning(title):
                yield
        except BaseException:
            self._line(f"{self._styled(printable(title), _RED)}: not finished {self._took(begun)}")
            raise
        if time.monotonic() - begun >= _WORTH_MENTIONING:
            self._line(f"{printable(title)}: done {self._took(begun)}")

    @contextmanager
    def counting(self, title: str, so_far: Callable[[], str]) -> Iterator[None]:
        """On a terminal: shows `title` and `so_far`, which changes, and at the end both if it took long."""
        if not self._live:
            yield
            return
        begun = time.monotonic()
        with self._spinning(title, so_far):
            yield
        if time.monotonic() - begun >= _WORTH_MENTIONING:
            self._line(f"{printable(title)}: {printable(so_far())} {self._took(begun)}")

    def info(self, text: str) -> None:
        self._line(printable(text))

    def note(self, text: str) -> None:
        self._line(self._styled(printable(text), _DIM))

    def warn(self, text: str) -> None:
        self._line(f"{self._styled('warning:', _YELLOW)} {printable(text)}")

    def error(self, error: BottleError) -> None:
        """`error: place: what happened`, and in a line of its own what mends it."""
        place = f"{self._styled(printable(error.location), _BOLD)}: " if error.location else ""
        self._line(f"{self._styled('error:', _RED)} {place}{printable(error.message)}")
        if error.hint:
            self._line(f"{self._styled('hint:', _BOLD)} {printable(error.hint)}")

    def bug(self, error: BaseException, report: str) -> None:
        """What the operator is told of a fault of this program; `report` is where the rest stands."""
        self._line(f"{self._styled('error:', _RED)} this is a bug in bottle ({type(error).__name__})")
        self._line(
            f"{self._styled('hint:', _BOLD)} the report to send, without secrets, is {printable(report)}"
        )

    @contextmanager
    def _spinning(self, title: str, so_far: Callable[[], str] = str) -> Iterator[None]:
        if not self._live:
            self._line(f"{printable(title)} ...")
            yield
            return
        outermost = self._display is None
        display = self._display = self._display or _live_display(self._stderr, color=self._color)
        task = display.add_task(printable(title), total=None, so_far=_Changing(so_far))
        if outermost:
            display.start()
        try:
            yield
        finally:
            display.remove_task(task)
            if outermost:
                display.stop()
                self._display = None

    def _line(self, text: str) -> None:
        """A whole line; above the spinner where one turns."""
        if self._display:
            self._display.console.print(text, markup=False, emoji=False, highlight=False, soft_wrap=True)
        else:
            with suppress(OSError):  # nobody reads it; the exit status still says how it ended
                self._stderr.write(text + "\n")
                self._stderr.flush()

    def _took(self, begun: float) -> str:
        return self._styled(f"({time.monotonic() - begun:.1f} s)", _DIM)

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._color else text


class _Changing:
    """Text that is asked for anew whenever it is drawn."""

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text

    def __str__(self) -> str:
        return printable(self._text())


def _live_display(stream: TextIO, *, color: bool) -> "LiveDisplay":
    """Spinners with their title and seconds, gone when they end."""
    from rich.console import Console as RichConsole  # noqa: PLC0415 - costs 50 ms that most commands need not pay
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - same

    console = RichConsole(file=stream, force_terminal=True, no_color=not color, highlight=False)
    texts = (TextColumn(f"{{task.{part}}}", markup=False) for part in ("description", "fields[so_far]"))
    columns = (SpinnerColumn(), *texts, TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)
