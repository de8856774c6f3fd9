"""A process that holds a session, or attaches to one: what `bottle start` and `bottle attach` are.

    session_program run [--socket PATH] [--headless] [--no-terminal] [--crash] -- ARGV...
    session_program attach PATH

Started as a session leader with a terminal as its standard streams, it makes that terminal its
controlling one. The agent is a local process: our own `Running`, nothing of a container engine.
"""

import argparse
import contextlib
import fcntl
import os
import signal
import struct
import sys
import termios
from pathlib import Path

from bottle.backends.base import Running, TerminalSize
from bottle.errors import BottleError
from bottle.launch.attach import attach
from bottle.launch.session import Session
from bottle.proc import Command, Process, spawn
from bottle.terminal import Terminal


class LocalRunning(Running):
    """A process of this machine in a session of its own, on a terminal of its own unless headless."""

    def __init__(self, argv: list[str], *, headless: bool, crash: bool = False) -> None:
        self.master: int | None = None
        self._crash = crash
        self._process = self._spawn_headless(argv) if headless else self._spawn(argv)

    def _spawn_headless(self, argv: list[str]) -> Process:
        return spawn(Command(argv=tuple(argv)), new_session=True)

    def _spawn(self, argv: list[str]) -> Process:
        self.master, slave = os.openpty()
        leader = (sys.executable, "-I", os.fspath(Path(__file__).with_name("terminal_leader.py")))
        try:
            return spawn(
                Command(argv=(*leader, *argv)), stdin=slave, stdout=slave, stderr=slave, new_session=True
            )
        finally:
            os.close(slave)

    def wait(self) -> int:
        code = self._process.wait()
        return code if code >= 0 else 128 - code

    def resize(self, size: TerminalSize) -> None:
        if self._crash:
            raise ZeroDivisionError
        assert self.master is not None
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run")
    run.add_argument("--socket", type=Path)
    run.add_argument("--headless", action="store_true")
    run.add_argument("--no-terminal", action="store_true")
    run.add_argument("--crash", action="store_true")
    run.add_argument("argv", nargs="+")
    commands.add_parser("attach").add_argument("socket", type=Path)
    options = parser.parse_args(arguments)
    if os.isatty(0) and os.getsid(0) == os.getpid():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if options.command == "attach":
        return attach(options.socket, Terminal())
    running = LocalRunning(options.argv, headless=options.headless, crash=options.crash)
    try:
        terminal = None if options.headless or options.no_terminal else Terminal()
        return Session(running, terminal=terminal, attach_socket=options.socket).run()
    except BaseException:
        running.kill()
        raise


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BottleError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
