"""A running agent and the people at it: the operator's terminal, attached clients, or nobody.

One thread pumps; another only waits for the agent's end, because `Running.wait` blocks. The operator's
own terminal holds the agent back when it is slow, as terminals do; an attached client never does. The
session needs no terminal: without one the agent's output goes to whoever is attached, or nowhere.
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from select import select
from signal import SIGHUP, SIGINT, SIGTERM, Signals
from typing import Protocol

from bottle.backends.base import Running
from bottle.launch.clients import Client, Clients, listening
from bottle.launch.departure import Departure, Holder
from bottle.launch.end import AgentEnd
from bottle.launch.modes import TerminalModes
from bottle.launch.presence import Presence
from bottle.launch.screen import Screen, screen
from bottle.signal_queue import SignalQueue
from bottle.terminal import USUAL_SIZE, Terminal, TerminalSize

_CHUNK = 65536
_TYPED_ENOUGH = 65536
"""Bytes typed but not yet read by the agent from which on nobody's keyboard is read."""
_READS_PER_TURN = 16
_JIGGLE = 0.1
"""Seconds of a wrong size that make a program notice and paint its whole screen again."""
_HUNG_UP_RETRY = 0.1
"""Seconds between looks at a terminal that every process inside has closed, but may open again."""
_KILL_PATIENCE = 10.0
_CLIENT_PATIENCE = 2.0


class _Waitable(Protocol):
    def fileno(self) -> int: ...


class Session:
    """Joins `running` to `terminal` and to the clients that come to `attach_socket`.

    Where `running` has no terminal (headless), this only waits and answers signals. Without `terminal`, the
    one of `running` is of USUAL_SIZE. `presence` is where to note who is at it; `ready` is called once others
    can attach. With a `holder`, Ctrl-P Ctrl-Q at `terminal` leaves the session running.
    """

    def __init__(
        self,
        running: Running,
        *,
        terminal: Terminal | None = None,
        attach_socket: Path | None = None,
        presence: Path | None = None,
        ready: Callable[[], None] | None = None,
        holder: Holder | None = None,
    ) -> None:
        self._running = running
        self._terminal = terminal
        self._attach_socket = attach_socket
        self._presence = presence
        self._ready = ready
        self._holder = holder

    def run(self) -> int:
        """The agent's exit status, or 128 + n where signal n ended this session and with it the agent.

        Every byte that the agent wrote has then been shown, and the terminal is as it was before.
        Raises UsageError where `terminal` is none, BottleError where the socket cannot be made.
        """
        with ExitStack() as stack:
            end = stack.enter_context(AgentEnd(self._running))
            if self._running.master is None:
                signals = stack.enter_context(SignalQueue(SIGINT, SIGTERM, SIGHUP))
                return _Exchange(end, signals).run()
            at_terminal = stack.enter_context(ExitStack())
            shown = at_terminal.enter_context(screen(self._terminal)) if self._terminal else None
            signals = shown.signals if shown else stack.enter_context(SignalQueue(SIGINT, SIGTERM, SIGHUP))
            clients = None
            if self._attach_socket:
                clients = stack.enter_context(listening(self._attach_socket, uid=os.getuid()))
            presence = stack.enter_context(Presence.kept_in(self._presence)) if self._presence else None
            departure = Departure(self._holder, at_terminal, stack) if self._holder else None
            if self._ready:
                self._ready()
            exchange = _Exchange(
                end,
                signals,
                screen=shown,
                clients=clients,
                presence=presence,
                departure=departure,
            )
            return exchange.run()


class _Exchange:
    """One loop over the agent's terminal, the operator's, the clients, and the signals."""

    def __init__(
        self,
        end: AgentEnd,
        signals: SignalQueue,
        *,
        screen: Screen | None = None,
        clients: Clients | None = None,
        presence: Presence | None = None,
        departure: Departure | None = None,
    ) -> None:
        self._running = end.running
        self._end = end
        self._signals = signals
        self._screen = screen
        self._clients = clients
        self._presence = presence
        self._departure = departure
        self._master = end.running.master
        self._modes = TerminalModes()
        self._typed = bytearray()
        self._size = None if screen else USUAL_SIZE
        self._status: int | None = None
        self._stopped = False
        self._cut_off = False
        self._give_up_at: float | None = None
        self._repaint_at: float | None = None
        self._retry_at: float | None = None

    def run(self) -> int:
        if self._master is not None:
            os.set_blocking(self._master, False)
        self._fit()
        while not self._finished():
            self._turn()
        return 128 if self._status is None else self._status

    @property
    def _attached(self) -> Sequence[Client]:
        return list(self._clients.attached) if self._clients else ()

    def _finished(self) -> bool:
        late = self._give_up_at is not None and time.monotonic() >= self._give_up_at
        if not self._end.came:
            return late
        if self._cut_off:
            return True
        if late and self._stopped:
            return True
        shown = not (self._screen and self._screen.waiting)
        return shown and (late or not any(client.waiting for client in self._attached))

    def _turn(self) -> None:
        readable, writable, _ = select(self._sources(), self._sinks(), [], self._patience())
        self._answer_signals(readable)
        if self._departure and self._departure in readable:
            self._departure = None
            self._stop(SIGHUP)
        if self._end in readable:
            self._agent_ended()
        self._take_input(readable)
        if self._master in writable:
            self._type()
        if self._master in readable and not self._end.came:
            self._relay()
        if self._screen and self._screen.output in writable:
            self._screen.flush()
        self._serve_clients(readable, writable)
        self._watch_clock()
        self._note_presence()

    def _sources(self) -> list[_Waitable | int]:
        sources: list[_Waitable | int] = [self._signals]
        if self._end.came:
            return sources
        sources.append(self._end)
        if self._departure:
            sources.append(self._departure)
        backlog = self._screen is not None and self._screen.full
        if self._master is not None and self._retry_at is None and not backlog:
            sources.append(self._master)
        if self._clients:
            sources.append(self._clients)
        if len(self._typed) < _TYPED_ENOUGH:
            sources += self._attached
            if self._screen and self._status is None:
                sources.append(self._screen.input)
        return sources

    def _sinks(self) -> list[_Waitable | int]:
        sinks: list[_Waitable | int] = [client for client in self._attached if client.waiting]
        if self._screen and self._screen.waiting:
            sinks.append(self._screen.output)
        if self._master is not None and self._typed and not self._end.came:
            sinks.append(self._master)
        return sinks

    def _patience(self) -> float | None:
        held = self._departure.keys.deadline if self._departure else None
        times = [at for at in (self._give_up_at, self._repaint_at, self._retry_at, held) if at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _answer_signals(self, readable: Sequence[object]) -> None:
        if self._signals not in readable:
            return
        arrived = self._signals.take()
        changed, ending = False, next(iter(arrived), None)
        if self._screen:
            changed, ending = self._screen.react(arrived)
        if changed and not self._fit():
            self._jiggle()
        if ending:
            self._stop(ending)

    def _stop(self, reason: Signals) -> None:
        """Ends the agent because of a signal; the second one does not wait for slow terminals."""
        if self._end.came or self._status is not None:
            self._cut_off = True
            return
        self._status, self._stopped = 128 + reason, True
        self._give_up_at = time.monotonic() + _KILL_PATIENCE
        self._running.kill()

    def _agent_ended(self) -> None:
        status = self._end.status()
        if self._status is None:
            self._status = status
        self._give_up_at = time.monotonic() + _CLIENT_PATIENCE
        if self._master is not None and self._retry_at is None:
            # What the agent wrote is in the kernel's buffers, far less than these reads hold; a process
            # that it left behind may go on writing for ever.
            self._relay()
        for client in self._attached:
            client.end(self._status)

    def _take_input(self, readable: Sequence[object]) -> None:
        if self._screen and self._screen.input in readable:
            typed = self._screen.read()
            if typed == b"":
                self._stop(SIGHUP)
            self._hear_operator(typed or b"")
        for client in self._attached:
            if client in readable:
                self._hear(client)

    def _hear_operator(self, typed: bytes) -> None:
        leaves = False
        if self._departure:
            typed, leaves = self._departure.keys.feed(typed)
        self._typed += typed
        if self._departure and leaves:
            self._screen = None
            self._signals = self._departure.leave()
            self._departure = None
            self._fit()

    def _hear(self, client: Client) -> None:
        before = client.size
        typed = client.read()
        if typed is None:
            self._drop(client)
            return
        self._typed += typed
        if client.size == before:
            return
        if before is None:
            client.send(self._modes.entering())
        if not self._fit() and before is None:
            self._jiggle()

    def _drop(self, client: Client) -> None:
        if self._clients:
            self._clients.drop(client)
        self._fit()

    def _type(self) -> None:
        if self._master is None:
            return
        try:
            del self._typed[: os.write(self._master, self._typed[:_CHUNK])]
        except BlockingIOError:
            pass
        except OSError:
            self._typed.clear()

    def _relay(self) -> None:
        """Hands on what the agent has written."""
        for _ in range(_READS_PER_TURN):
            try:
                output = os.read(self._master, _CHUNK) if self._master is not None else b""
            except BlockingIOError:
                return
            except OSError:  # Linux says EIO where every process inside has closed the terminal
                output = b""
            if not output:
                self._retry_at = time.monotonic() + _HUNG_UP_RETRY
                return
            self._modes.feed(output)
            if self._presence:
                self._presence.output()
            if self._screen:
                self._screen.show(output)
            for client in self._attached:
                client.send(output)

    def _serve_clients(self, readable: Sequence[object], writable: Sequence[object]) -> None:
        if self._clients and self._clients in readable:
            self._clients.accept()
        for client in self._attached:
            if client in writable and not client.flush():
                self._drop(client)
            elif client.caught_up and not self._end.came:
                client.resume()
                client.send(self._modes.entering())
                self._jiggle()

    def _watch_clock(self) -> None:
        now = time.monotonic()
        if self._departure:
            self._typed += self._departure.keys.due()
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
        if self._repaint_at is not None and now >= self._repaint_at:
            self._repaint_at = None
            if self._size:
                self._running.resize(self._size)

    def _note_presence(self) -> None:
        if self._presence:
            self._presence.terminals(
                bool(self._screen) + sum(client.size is not None for client in self._attached)
            )

    def _fit(self) -> bool:
        """Gives the agent's terminal the smallest of all sizes; whether that is another one than before."""
        sizes = [client.size for client in self._attached if client.size]
        if self._screen:
            sizes.append(self._screen.size())
        if not sizes:
            return False
        size = TerminalSize(rows=min(s.rows for s in sizes), columns=min(s.columns for s in sizes))
        if size == self._size:
            return False
        self._size = size
        self._running.resize(size)
        return True

    def _jiggle(self) -> None:
        """Makes the program inside paint its whole screen again."""
        if self._size is None:
            return
        smaller = TerminalSize(rows=max(1, self._size.rows - 1), columns=max(1, self._size.columns - 1))
        self._running.resize(smaller)
        self._repaint_at = time.monotonic() + _JIGGLE
