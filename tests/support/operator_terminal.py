"""A terminal with a program in it and a person at it, for tests: type, read, resize."""

import fcntl
import os
import re
import struct
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from select import select
from types import TracebackType
from typing import Any, Self

from bottle.proc import Command, spawn

TIMEOUT = 20.0
_SPAN = 8192
PROGRAM = (sys.executable, os.fspath(Path(__file__).with_name("session_program.py")))
LEADER = (sys.executable, "-I", os.fspath(Path(__file__).with_name("terminal_leader.py")))


class OperatorTerminal:
    """Runs `argv` as the leader of a session on a new terminal. What it prints is kept in `output`."""

    def __init__(
        self,
        *argv: str,
        rows: int = 24,
        columns: int = 80,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        self.output = bytearray()
        self._seen = 0
        self.resize(rows=rows, columns=columns)
        self.attributes_before = termios.tcgetattr(self.slave)
        self.process = spawn(
            Command(argv=argv, cwd=cwd, env={**(env or os.environ), "TERM": "xterm-256color", "PS1": "$ "}),
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(f"the terminal shows: {bytes(self.output[-2000:])!r}")
        self.close()

    def close(self) -> None:
        """Ends the program as a closed terminal window does, then by force."""
        os.close(self.master)
        os.close(self.slave)
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(TIMEOUT)

    def attributes(self) -> list[Any]:
        return termios.tcgetattr(self.slave)

    def resize(self, *, rows: int, columns: int) -> None:
        """As a terminal window does it; the kernel sends SIGWINCH to the foreground job."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, timeout: float) -> bool:
        """Takes in what the program printed; whether there was anything."""
        readable, _, _ = select([self.master], [], [], timeout)
        if not readable:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.output += data
        return bool(data)

    def expect(self, pattern: bytes, timeout: float = TIMEOUT) -> "re.Match[bytes]":
        """Reads on until `pattern` (of at most _SPAN bytes) shows up behind what was matched last."""
        end = time.monotonic() + timeout
        expression = re.compile(pattern, re.DOTALL)
        start = self._seen
        while not (match := expression.search(self.output, start)):
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{pattern!r} did not show up: {bytes(self.output[start:])!r}")
            start = max(self._seen, len(self.output) - _SPAN)
            self.read(left)
        self._seen = match.end()
        return match

    def type(self, data: bytes) -> None:
        """Types everything, reading meanwhile."""
        end = time.monotonic() + TIMEOUT
        while data:
            assert time.monotonic() < end, "the program does not read"
            readable, writable, _ = select([self.master], [self.master], [], 1.0)
            if writable:
                with suppress(BlockingIOError):
                    data = data[os.write(self.master, data[:4096]) :]
            if readable:
                self.read(0)

    def wait(self) -> int:
        """The program's exit status; reads meanwhile."""
        end = time.monotonic() + TIMEOUT
        while self.process.poll() is None:
            assert time.monotonic() < end, "the program does not end"
            self.read(0.02)
        while self.read(0):
            pass
        return self.process.returncode


@contextmanager
def session(
    *argv: str, socket: Path | None = None, rows: int = 24, columns: int = 80
) -> Iterator[OperatorTerminal]:
    """A session with `argv` as its agent."""
    options = ["--socket", os.fspath(socket)] if socket else []
    with OperatorTerminal(*PROGRAM, "run", *options, "--", *argv, rows=rows, columns=columns) as terminal:
        yield terminal


@contextmanager
def attached(socket: Path, rows: int = 24, columns: int = 80) -> Iterator[OperatorTerminal]:
    """A second terminal at that session."""
    with OperatorTerminal(*PROGRAM, "attach", os.fspath(socket), rows=rows, columns=columns) as terminal:
        yield terminal
