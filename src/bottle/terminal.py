"""The operator's terminal: its size, raw mode, questions, and what text may reach it."""

import errno
import os
import termios
import tty
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from select import select
from signal import SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH, raise_signal
from typing import Any

from attrs import frozen

from bottle.errors import InterruptedByUser, UsageError
from bottle.signal_queue import SignalQueue

_BLOCKING_WRITE = 512
"""Bytes at a time where the descriptor blocks: a terminal that reports room takes these at once."""


@frozen(kw_only=True)
class TerminalSize:
    rows: int
    columns: int


USUAL_SIZE = TerminalSize(rows=24, columns=80)


class RawTerminal:
    """The terminal in raw mode; handed out by `Terminal.raw`.

    `read` and `write` never block where the terminal can be opened again under its name.
    `signals` queues SIGWINCH, SIGTSTP, SIGCONT and the terminating ones: whoever holds this answers them.
    """

    def __init__(self, terminal: "Terminal", signals: SignalQueue, stack: ExitStack) -> None:
        self._terminal = terminal
        self._attributes = termios.tcgetattr(terminal.input)
        self.signals = signals
        self.input, _ = _own_descriptor(terminal.input, os.O_RDONLY, stack)
        self.output, self._blocks = _own_descriptor(terminal.output, os.O_WRONLY, stack)

    def size(self) -> TerminalSize:
        return self._terminal.size()

    def read(self) -> bytes | None:
        """What was typed; None where nothing was; empty where the terminal is gone."""
        try:
            return os.read(self.input, 65536)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno == errno.EIO:
                return b""
            raise

    def write(self, data: bytes | bytearray) -> int:
        """Bytes taken, perhaps none. A terminal that is gone takes everything."""
        try:
            return os.write(self.output, data[:_BLOCKING_WRITE] if self._blocks else data[:65536])
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno == errno.EIO:
                return len(data)
            raise

    def enter(self) -> None:
        """Raw mode; harmless where it is raw already. Stops a background process until it is continued."""
        _insist(lambda: tty.setraw(self._terminal.input, termios.TCSANOW))

    def restore(self) -> None:
        """The mode that the terminal had before."""
        _set_attributes(self._terminal.input, self._attributes)

    def suspend(self) -> None:
        """Stops this process with the terminal in its old mode; back in raw mode when it is continued."""
        self.restore()
        self.signals.stop_process()
        self.enter()


class Terminal:
    """The terminal behind two descriptors; `control` is where questions are asked."""

    def __init__(self, *, input: int = 0, output: int = 1, control: Path = Path("/dev/tty")) -> None:  # noqa: A002
        self.input = input
        self.output = output
        self._control = control

    def is_tty(self) -> bool:
        return os.isatty(self.input) and os.isatty(self.output)

    def duplicate(self) -> "Terminal":
        """The same by descriptors of its own, which `close` closes; also for a process of another session."""
        control = Path(os.ttyname(self.input)) if os.isatty(self.input) else self._control
        return Terminal(input=os.dup(self.input), output=os.dup(self.output), control=control)

    def close(self) -> None:
        """From here on it is no terminal, and there is nobody to ask."""
        for descriptor in (self.input, self.output):
            os.close(descriptor)
        self.input = self.output = -1
        self._control = Path(os.devnull)

    def restorer(self) -> Callable[[], None]:
        """Puts the mode back, when it is called, that the terminal is in now."""
        if not os.isatty(self.input):
            return lambda: None
        attributes = termios.tcgetattr(self.input)
        return lambda: _set_attributes(self.input, attributes)

    def await_foreground(self) -> None:
        """Stops this process where it is a background job, until it is none."""
        _insist(lambda: termios.tcsetattr(self.input, termios.TCSANOW, termios.tcgetattr(self.input)))

    def size(self) -> TerminalSize:
        """The size of the output; 24 x 80 where it has none."""
        try:
            columns, rows = os.get_terminal_size(self.output)
        except OSError:
            return USUAL_SIZE
        return TerminalSize(rows=rows or USUAL_SIZE.rows, columns=columns or USUAL_SIZE.columns)

    @contextmanager
    def raw(self) -> Iterator[RawTerminal]:
        """Raw mode, restored however the context ends.

        The signals that would end this process before it could restore are queued in the yielded
        object. Raises UsageError where this is no terminal.
        """
        if not self.is_tty():
            raise UsageError("this needs a terminal", hint="use `bottle run` where there is none")
        signals = SignalQueue(SIGWINCH, SIGTSTP, SIGCONT, SIGINT, SIGQUIT, SIGTERM, SIGHUP)
        with ExitStack() as stack:
            stack.enter_context(signals)
            terminal = RawTerminal(self, signals, stack)
            stack.callback(terminal.restore)
            terminal.enter()
            yield terminal

    def confirm(self, question: str, *, option: str = "--yes", default: bool = False) -> bool:
        """Asks `question [y/N]`; `option` is what answers it where there is no terminal.

        With `default`, `[Y/n]`, and an empty answer means yes. Raises InterruptedByUser at Ctrl-C or end of
        file, UsageError where there is no terminal.
        """
        choice = "[Y/n]" if default else "[y/N]"
        answer = self.line(f"{question} {choice}", hint=f"give {option} to go on without being asked")
        return answer.lower() in {"y", "yes"} or (default and not answer)

    def line(self, question: str, *, hint: str) -> str:
        """Asks for a line, and strips it. `hint` is for where there is no terminal. Raises as `confirm`."""
        with self._ask(hint=hint) as (descriptor, signals):
            _write_all(descriptor, f"{printable(question)} ")
            answer = bytearray()
            while not answer.endswith(b"\n"):
                answer += _key(descriptor, signals)
            return answer.decode(errors="replace").strip()

    def require(self, *, hint: str) -> None:
        """Raises UsageError where there is no terminal to ask on, before much is said."""
        with self._ask(hint=hint):
            pass

    def prompt_secret(self, message: str) -> str:
        """Asks for a line that is not shown.

        The line may be longer than the 4095 bytes that a terminal's own line editing holds. Raises
        InterruptedByUser at Ctrl-C or at end of file on an empty line, UsageError without a terminal.
        """
        with self._ask(hint="run the command on a terminal") as (descriptor, signals):
            before = termios.tcgetattr(descriptor)
            hidden = [*before[:6], list(before[6])]
            hidden[3] &= ~(termios.ECHO | termios.ICANON)
            try:
                _set_attributes(descriptor, hidden)  # before the question: a quick answer must not be shown
                _write_all(descriptor, f"{printable(message)} ")
                return _secret_line(descriptor, signals)
            finally:
                _set_attributes(descriptor, before)
                _write_all(descriptor, "\n")

    @contextmanager
    def _ask(self, *, hint: str) -> Iterator[tuple[int, SignalQueue]]:
        try:
            descriptor = os.open(self._control, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            raise UsageError("there is no terminal to ask on", hint=hint) from None
        try:
            if not os.isatty(descriptor):
                raise UsageError("there is no terminal to ask on", hint=hint)
            with SignalQueue(SIGINT, SIGTERM, SIGHUP, SIGQUIT) as signals:
                yield descriptor, signals
        except _SignalledError as error:
            # The caller's own handlers are back: the signal has the effect it has outside of a question.
            raise_signal(error.number)
            raise InterruptedByUser("interrupted") from None
        finally:
            os.close(descriptor)


class _SignalledError(Exception):
    """A terminating signal came during a question."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _key(descriptor: int, signals: SignalQueue) -> bytes:
    """What was typed next."""
    while True:
        ready, _, _ = select([descriptor, signals.fileno()], [], [])
        for number in signals.take():
            if number == SIGINT:
                _write_all(descriptor, "\n")
                raise InterruptedByUser("interrupted")
            raise _SignalledError(number)
        if descriptor in ready:
            typed = os.read(descriptor, 4096)
            if not typed:
                _write_all(descriptor, "\n")
                raise InterruptedByUser("no answer")
            return typed


def _secret_line(descriptor: int, signals: SignalQueue) -> str:
    line = bytearray()
    while True:
        for byte in _key(descriptor, signals):
            if byte in b"\r\n":
                return line.decode(errors="surrogateescape")
            if byte == 0x04:
                if not line:
                    raise InterruptedByUser("no answer")
                return line.decode(errors="surrogateescape")
            _edit(line, byte)


def _edit(line: bytearray, byte: int) -> None:
    """Backspace, Ctrl-U, or one more byte."""
    if byte in b"\x7f\x08":
        while line and line.pop() & 0xC0 == 0x80:  # the rest of a UTF-8 character
            pass
    elif byte == 0x15:
        line.clear()
    else:
        line.append(byte)


def _own_descriptor(descriptor: int, flags: int, stack: ExitStack) -> tuple[int, bool]:
    """A non-blocking description of the same terminal, and whether it blocks after all.

    O_NONBLOCK on the inherited one would hold for the shell and every program that shares it.
    """
    try:
        own = os.open(os.ttyname(descriptor), flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return descriptor, True
    stack.callback(os.close, own)
    return own, False


def _set_attributes(descriptor: int, attributes: list[Any]) -> None:
    """At once: a terminal that takes no output must not hold up the restoring."""
    _insist(lambda: termios.tcsetattr(descriptor, termios.TCSANOW, attributes))


def _insist(change: Callable[[], object]) -> None:
    """Makes a change of the terminal. A vanished terminal is no error."""
    while True:
        try:
            change()
        except termios.error as error:
            if error.args[0] == errno.EINTR:  # stopped as a background process, then continued
                continue
            if error.args[0] not in {errno.EIO, errno.ENXIO, errno.ENOTTY}:
                raise
        return


def _write_all(descriptor: int, text: str) -> None:
    data = text.encode(errors="replace")
    with suppress(OSError):
        while data:
            data = data[os.write(descriptor, data) :]


_INVISIBLE_LETTERS = frozenset(
    # Zero-width or blank, though Unicode classes them as letters, marks or symbols.
    chain(
        (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        range(0x180B, 0x1810),
        range(0xFE00, 0xFE0F),
        range(0xE0100, 0xE01F0),
    )
)


def printable(text: str) -> str:
    r"""`text` with everything shown as an escape (`\x1b`, `\u202e`) that would not print as itself.

    That is: control characters but newline and tab (so every escape sequence), text direction
    overrides, zero-width and invisible characters, lone surrogates, private and unassigned code
    points. Nothing is dropped: a text cannot hide a part of itself.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if _prints(character) else _escaped(character) for character in text)


def _prints(character: str) -> bool:
    if character.isprintable():
        return ord(character) not in _INVISIBLE_LETTERS
    return character in "\n\t" or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
