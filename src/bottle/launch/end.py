"""The end of a running agent, for an event loop."""

import os
from threading import Thread
from typing import Self

from bottle.backends.base import Running


class AgentEnd:
    """The agent's end, as a descriptor that becomes readable."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self._outcome: int | BaseException = 0
        self._read_end, self._write_end = os.pipe()
        self._thread = Thread(target=self._wait, name="agent-end", daemon=True)
        self.came = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.came:
            self._thread.join()
        os.close(self._read_end)

    def fileno(self) -> int:
        return self._read_end

    def status(self) -> int:
        """To be called once it is readable."""
        self.came = True
        self._thread.join()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome

    def _wait(self) -> None:
        try:
            self._outcome = self.running.wait()
        except BaseException as error:  # noqa: BLE001 - raised again by status()
            self._outcome = error
        finally:
            os.close(self._write_end)
