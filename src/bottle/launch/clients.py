"""The session's side of `bottle attach`: a socket that only the operator may open, and who is attached."""

import os
import socket
import struct
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bottle.errors import BottleError
from bottle.launch.frames import Data, Exit, FrameError, FrameReader, Hello, encode
from bottle.terminal import TerminalSize  # noqa: TC001 - imports stand in one place

_BACKLOG = 1 << 20
"""Bytes of output that wait for a slow client; past them it misses output."""
_MOST_CLIENTS = 32


class Client:
    """One attached terminal. Nothing in here blocks, and the memory that it takes is bounded.

    `size` is None until it said hello; only then it is sent output. `missed`: it did not keep up and
    was spared output; once `caught_up`, it needs a repaint.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._reader = FrameReader()
        self._frames: deque[bytes] = deque()
        self._sent = 0
        self._waiting = 0
        self.size: TerminalSize | None = None
        self.missed = False

    def fileno(self) -> int:
        return self._connection.fileno()

    @property
    def waiting(self) -> bool:
        return bool(self._frames)

    @property
    def caught_up(self) -> bool:
        return self.missed and not self._frames

    def read(self) -> bytes | None:
        """What was typed, perhaps nothing; None where the client is gone or talks nonsense."""
        try:
            received = self._connection.recv(65536)
            typed = b"".join(self._take(received)) if received else None
        except BlockingIOError:
            return b""
        except (OSError, FrameError):
            return None
        return typed

    def send(self, output: bytes) -> None:
        """Queues output, or notes that the client misses it."""
        if self.size is None or self.missed or not output:
            return
        if self._waiting + len(output) > _BACKLOG:
            self.missed = True
            keep = 1 if self._sent else 0  # the frame that is half way through
            while len(self._frames) > keep:
                self._waiting -= len(self._frames.pop())
            return
        self._queue(encode(Data(output)))

    def resume(self) -> None:
        """From here on the client is sent output again."""
        self.missed = False

    def end(self, status: int) -> None:
        """Tells the client that the agent ended."""
        self._queue(encode(Exit(status)))

    def flush(self) -> bool:
        """Sends what the client takes now; whether it is still there."""
        try:
            while self._frames:
                self._sent += self._connection.send(memoryview(self._frames[0])[self._sent :])
                if self._sent < len(self._frames[0]):
                    break
                self._waiting -= len(self._frames.popleft())
                self._sent = 0
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._connection.close()

    def _queue(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._waiting += len(frame)

    def _take(self, received: bytes) -> Iterator[bytes]:
        for frame in self._reader.feed(received):
            if (self.size is None) != isinstance(frame, Hello) or isinstance(frame, Exit):
                raise FrameError("a frame out of turn")
            if isinstance(frame, Data):
                yield frame.data
            else:
                self.size = frame.size


class Clients:
    """Everyone who is attached, and the socket on which more come. `uid`: the only user who may."""

    def __init__(self, listener: socket.socket, *, uid: int) -> None:
        self._listener = listener
        self._uid = uid
        self.attached: list[Client] = []

    def fileno(self) -> int:
        """Readable when someone wants in."""
        return self._listener.fileno()

    def accept(self) -> None:
        """Lets in whoever is waiting, if it is the operator."""
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        if peer_uid(connection) != self._uid or len(self.attached) >= _MOST_CLIENTS:
            connection.close()
            return
        self.attached.append(Client(connection))

    def drop(self, client: Client) -> None:
        client.close()
        self.attached.remove(client)

    def close(self) -> None:
        for client in list(self.attached):
            self.drop(client)


@contextmanager
def listening(path: Path, *, uid: int) -> Iterator[Clients]:
    """Listens at `path` (0600, its folder 0700); the socket is gone afterwards.

    Raises BottleError where no socket can be made there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            _listen(listener, path)
        except OSError as error:
            raise BottleError(f"no socket for `bottle attach` can be made at {path}: {error}") from None
        clients = Clients(listener, uid=uid)
        try:
            yield clients
        finally:
            clients.close()
            path.unlink(missing_ok=True)


def _listen(listener: socket.socket, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)  # of a session that was killed; an identity is never used twice
    before = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
    finally:
        os.umask(before)
    listener.listen(8)
    listener.setblocking(False)


def peer_uid(connection: socket.socket) -> int:
    """The user at the other end of a unix socket, as the kernel knows it."""
    if sys.platform == "darwin":
        credentials = connection.getsockopt(0, 1, 76)  # SOL_LOCAL, LOCAL_PEERCRED: struct xucred
        return int(struct.unpack_from("=II", credentials)[1])
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
