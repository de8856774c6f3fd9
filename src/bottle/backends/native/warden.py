"""The host's end of a warden: the process that holds a sandbox and starts processes in it."""

import socket
import sys
import termios
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

import bottle
import bottle_sidecar
from bottle import proc
from bottle.backends.base import Running, TerminalSize
from bottle.backends.errors import NotRunningError
from bottle.errors import BottleError
from bottle.jail import wire
from bottle.jail.requests import Entry, Hold, Watch, to_json

_BOOT = "import sys; sys.path[:0] = sys.argv[1:3]; from bottle.jail.{module} import main; main()"
_EXIT_SECONDS = 10.0


class WardenError(BottleError):
    """A sandbox or a process in it could not be started."""


class Warden:
    """A fresh, small interpreter without threads, reached over a socket; it ends when that closes.

    Forking here instead would copy a process that has threads and holds secrets into the sandbox's
    reach. One that `proves` can run the isolation probe, too. `-c` with explicit paths works the same
    from a checkout, an installation and a zipapp.
    """

    def __init__(self, marker: str, log: IO[bytes], *, proves: bool = False) -> None:
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair()
        roots = [str(Path(str(module.__file__)).parent.parent) for module in (bottle, bottle_sidecar)]
        boot = _BOOT.format(module="prover" if proves else "warden")
        command = proc.Command(
            argv=(sys.executable, "-I", "-S", "-X", "utf8", "-c", boot, *roots, marker), env={}, cwd="/"
        )
        with theirs:
            self._process = proc.spawn(
                command, stdin=theirs.fileno(), stdout=proc.DEVNULL, stderr=log, new_session=True
            )
        self._socket = ours

    def hold(self, request: Hold) -> tuple[int, int, socket.socket, socket.socket]:
        """(pid, start time, listener, lease): the sandbox ends when the lease closes. Raises WardenError."""
        lease, holder = socket.socketpair()
        with holder:
            lease.sendall(b"\n")  # comes back once the holder runs
            message, descriptors = self._ask(request, [holder.fileno()])
        if "error" in message:
            lease.close()
            raise WardenError(f"the sandbox did not start: {message['error']}")
        return message["pid"], message["started"], socket.socket(fileno=descriptors[0]), lease

    def enter(self, entry: Entry, streams: Sequence[int], held: ExitStack | None = None) -> "Entered":
        """Starts a process inside; `held` closes with it. Raises NotRunningError or WardenError."""
        return Entered.await_start(self._send(entry, streams), held or ExitStack())

    def watch(self, request: Watch) -> socket.socket:
        """Where the answers come; closing it ends the measuring. Raises NotRunningError."""
        return self._send(request, ())

    def _send(self, request: Entry | Watch, descriptors: Sequence[int]) -> socket.socket:
        """The end on which the answers to this request alone arrive."""
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            try:
                wire.send(self._socket, to_json(request), [theirs.fileno(), *descriptors])
            except OSError:
                ours.close()
                raise NotRunningError("the bottle is not running") from None
        return ours

    def close(self) -> None:
        """Ends the warden, and with it the sandbox that it holds. Idempotent."""
        self._socket.close()
        with suppress(OSError):
            self._process.kill()
        self._process.wait()

    def _ask(self, request: Hold, descriptors: Sequence[int]) -> tuple[dict[str, Any], list[int]]:
        with self._lock:
            try:
                wire.send(self._socket, to_json(request), descriptors)
                answer = wire.receive(self._socket)
            except (OSError, EOFError):
                answer = None
        if answer is None:
            raise WardenError("the process that makes the sandbox died")
        return answer


class Entered(Running):
    """A process inside, seen through the socket of its relay. `held` is closed once it has ended."""

    findings: Sequence[str] | None

    def __init__(self, reply: socket.socket, master: int | None, held: ExitStack) -> None:
        self.master = master
        self._reply = reply
        self._held = held
        self._lock = threading.Lock()
        self._status: int | None = None
        self.findings = None

    @classmethod
    def await_start(cls, reply: socket.socket, held: ExitStack) -> "Entered":
        try:
            answer = wire.receive(reply)
        except (OSError, EOFError):
            answer = None
        message, descriptors = answer or ({"error": "the relay died", "gone": True}, [])
        if "error" in message:
            reply.close()
            kind = NotRunningError if message.get("gone") else WardenError
            raise kind(f"the process could not be started: {message['error']}")
        return cls(reply, descriptors[0] if descriptors else None, held)

    def wait(self) -> int:
        with self._lock:
            while self._status is None:
                self._read()
            return self._status

    def _read(self) -> None:
        """One answer. Where the relay died, the sandbox was killed, and the process with it."""
        try:
            answer = wire.receive(self._reply)
        except (OSError, EOFError):
            answer = None
        message: dict[str, Any] = answer[0] if answer else {"exit": _KILLED}
        if "findings" in message:
            self.findings = message["findings"]
        elif "error" in message:
            raise WardenError(f"the process could not be started: {message['error']}")
        else:
            self._status = int(message["exit"])
            self._reply.close()
            self._held.close()

    def resize(self, size: TerminalSize) -> None:
        if self.master is not None:
            with suppress(OSError):
                termios.tcsetwinsize(self.master, (size.rows, size.columns))

    def kill(self) -> None:
        with suppress(OSError):
            wire.send(self._reply, {"kill": True})


_KILLED = 128 + 9
