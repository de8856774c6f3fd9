"""Handing the bottle's one exit over: a listening TCP socket, passed by SCM_RIGHTS over a unix socket.

Standard library only: the sending side runs in the host program and inside the agent's network
namespace, where nothing else is installed.
"""

import asyncio
import os
import socket
from contextlib import suppress
from pathlib import Path

TIMEOUT = 10.0  # seconds either side waits for the other within one handover
_OFFER = b"L"
_ACCEPTED = b"+"
_REFUSED = b"-"


class HandoverError(OSError):
    """The other side was not there, refused the socket, or did not answer in time."""


def send_listener(path: str, listener: socket.socket) -> None:
    """Gives a listening socket to the sidecar that waits at `path`; the caller may close its own copy.

    Raises HandoverError where nobody waits there, or the sidecar refuses what it was given.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(path)
            socket.send_fds(connection, [_OFFER], [listener.fileno()])
            answer = connection.recv(1)
    except OSError as error:
        raise HandoverError(f"the sidecar does not take the listener at {path}: {error}") from error
    if answer != _ACCEPTED:
        raise HandoverError(f"the sidecar at {path} refused the listener")


def refusal(listener: socket.socket) -> str | None:
    """Why a received socket cannot be the bottle's exit, or None where it can."""
    if listener.family not in {socket.AF_INET, socket.AF_INET6} or listener.type != socket.SOCK_STREAM:
        return "not a TCP socket"
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "not a listening socket"
    if listener.getsockname()[0] not in {"127.0.0.1", "::1"}:
        return "not bound to a loopback address"
    return None


class Handover:
    """The receiving side: waits at a unix socket for exactly one listener, then removes the socket.

    The path must not exist; its directory must be one that only the owner may enter. Raises
    HandoverError where the path cannot be bound (longer than 107 bytes, for one).
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._server = bind_unix(path, mode=0o600)

    async def receive(self) -> socket.socket:
        """The first acceptable listener. Others are refused, and the wait goes on."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                connection, _ = await loop.sock_accept(self._server)
                with connection, suppress(OSError, TimeoutError):
                    async with asyncio.timeout(TIMEOUT):
                        listener = await self._take(connection)
                        if listener is not None:
                            return listener
        finally:
            self.close()

    async def _take(self, connection: socket.socket) -> socket.socket | None:
        await readable(connection)
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 4)
        received = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        acceptable = len(received) == 1 and refusal(received[0]) is None
        with suppress(OSError):
            connection.send(_ACCEPTED if acceptable else _REFUSED)
        if acceptable:
            return received[0]
        for unwanted in received:
            unwanted.close()
        return None

    def close(self) -> None:
        self._server.close()
        self._path.unlink(missing_ok=True)


def bind_unix(path: str, *, mode: int) -> socket.socket:
    """A non-blocking listening unix socket with that file mode. Raises HandoverError."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        server.bind(path)
        os.chmod(path, mode)  # noqa: PTH101 - one call for str paths
        server.listen(64)
    except OSError as error:
        server.close()
        raise HandoverError(f"cannot listen at {path}: {error}") from error
    server.setblocking(False)
    return server


def _settle(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


async def readable(connection: socket.socket) -> None:
    """Returns when there is something to read, or the other side has closed."""
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_reader(connection)
