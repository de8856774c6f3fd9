"""`bottle attach`: the operator's terminal at an agent that another `bottle` runs."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select

from bottle.errors import BottleError
from bottle.launch.frames import Data, Exit, FrameError, FrameReader, Hello, Resize, encode
from bottle.launch.keys import DetachKeys
from bottle.launch.screen import Screen, screen
from bottle.signal_queue import SignalQueue
from bottle.terminal import Terminal

_CHUNK = 65536
_TYPED_ENOUGH = 65536
_PATIENCE = 2.0
"""Seconds for the terminal to take the rest of the output after the agent's end, or for the session to take
what was typed before the operator left."""


def attach(socket_path: Path, terminal: Terminal) -> int:
    """Shares the session's terminal until the agent ends (its exit status), or Ctrl-P Ctrl-Q detaches (0).

    128 + n where signal n ended this client; the agent runs on. Raises UsageError where `terminal` is
    none, BottleError where nobody listens or the session vanishes.
    """
    with _connection(socket_path) as connection, screen(terminal) as shown:
        return _Attachment(connection, shown).run()


class _Attachment:
    def __init__(self, connection: socket.socket, shown: Screen) -> None:
        self._connection = connection
        self._screen = shown
        self._keys = DetachKeys()
        self._reader = FrameReader()
        self._unsent = bytearray(encode(Hello(shown.size())))
        self._status: int | None = None

    def run(self) -> int:
        while self._status is None:
            readable, writable, _ = select(self._sources(), self._sinks(), [], self._patience())
            self._unsent += encode(Data(self._keys.due()))
            if self._screen.signals in readable:
                self._answer_signals()
            if self._screen.input in readable:
                self._type()
            if self._connection in writable:
                self._send()
            if self._connection in readable:
                self._receive()
            if self._screen.output in writable:
                self._screen.flush()
        self._show_rest()
        return self._status

    def _patience(self) -> float | None:
        return None if self._keys.deadline is None else max(0.0, self._keys.deadline - time.monotonic())

    def _sources(self) -> list[socket.socket | SignalQueue | int]:
        sources: list[socket.socket | SignalQueue | int] = [self._screen.signals]
        if not self._screen.full:
            sources.append(self._connection)
        if len(self._unsent) < _TYPED_ENOUGH:
            sources.append(self._screen.input)
        return sources

    def _sinks(self) -> list[socket.socket | int]:
        sinks: list[socket.socket | int] = [self._connection] if self._unsent else []
        return [*sinks, self._screen.output] if self._screen.waiting else sinks

    def _answer_signals(self) -> None:
        changed, ending = self._screen.react(self._screen.signals.take())
        if changed:
            self._unsent += encode(Resize(self._screen.size()))
        if ending:
            self._status = 128 + ending

    def _type(self) -> None:
        typed = self._screen.read()
        if typed == b"":
            self._status = 129
        passed, detached = self._keys.feed(typed or b"")
        self._unsent += encode(Data(passed))
        if detached:
            self._send_rest()
            self._status = 0

    def _send(self) -> None:
        try:
            del self._unsent[: self._connection.send(self._unsent[:_CHUNK])]
        except BlockingIOError:
            return
        except OSError:
            self._unsent.clear()  # the reading side says how it ended

    def _send_rest(self) -> None:
        end = time.monotonic() + _PATIENCE
        while self._unsent and (left := end - time.monotonic()) > 0:
            _, writable, _ = select([], [self._connection], [], left)
            if writable:
                self._send()

    def _receive(self) -> None:
        try:
            received = self._connection.recv(_CHUNK)
            if not received:
                raise BottleError("the session ended without an exit status")
            for frame in self._reader.feed(received):
                if isinstance(frame, Data):
                    self._screen.show(frame.data)
                elif isinstance(frame, Exit):
                    self._status = frame.status
        except BlockingIOError:
            return
        except (ConnectionError, FrameError) as error:
            raise BottleError(f"the session is lost: {error}") from None

    def _show_rest(self) -> None:
        end = time.monotonic() + _PATIENCE
        while self._screen.waiting and (left := end - time.monotonic()) > 0:
            _, writable, _ = select([], [self._screen.output], [], left)
            if writable:
                self._screen.flush()


@contextmanager
def _connection(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(path))
        except OSError as error:
            raise BottleError(
                f"no session can be reached at {path}: {error}", hint="bottle list active"
            ) from None
        connection.setblocking(False)
        yield connection
