"""The host's end of a measuring: waits in a thread for the word that a bottle holds too much of the disk."""

import socket
import threading
from contextlib import suppress

from bottle.backends.base import Overuse
from bottle.jail import wire


class DiskWatch:
    """Calls `overuse` once something arrives on `reply`, or its other end closes before ours does."""

    def __init__(self, reply: socket.socket, overuse: Overuse) -> None:
        self._reply = reply
        self._overuse = overuse
        self._closing = False
        self._thread = threading.Thread(target=self._wait, name="disk-watch", daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        try:
            answer = wire.receive(self._reply)
        except (OSError, EOFError, ValueError):
            answer = None
        if not self._closing:
            self._overuse(answer[0].get("exceeded") if answer else None)

    def close(self) -> None:
        """Ends the measuring. Idempotent; not to be called from `overuse`."""
        self._closing = True
        with suppress(OSError):
            self._reply.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._reply.close()
