"""The sidecar's lifetime, seen from its owner: started with everything it needs, ended with its owner."""

import json
import os
import select
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from bottle import proc
from bottle.errors import BottleError
from bottle_sidecar.control.protocol import Failed, Message, Ready, Shutdown, Start, from_json, to_json
from bottle_sidecar.policy.chain import Link

_START_SECONDS = 60.0
_STOP_SECONDS = 5.0
_LONGEST_LINE = 16 * 1024 * 1024


class SidecarError(BottleError):
    """The sidecar did not start, or died."""


class SidecarProcess:
    """A running sidecar. Its standard input is its lease: it exits when that closes, however we die.

    `log`: the audit log that it goes on with. What else is said there until it is ready, by a container
    client say, is taken out of it.
    """

    def __init__(self, command: proc.Command, start: Start, *, log: Path) -> None:
        self._log = log
        with log.open("ab") as errors:
            self._begun = errors.tell()
            self._process = proc.spawn(
                command, stdin=proc.PIPE, stdout=proc.PIPE, stderr=errors, new_session=True
            )
        try:
            with suppress(BrokenPipeError):  # it died already; reading says why
                self._send(start)
            self.ready = self._await_ready()
        except BaseException:
            self.stop()
            self._tidy()
            raise
        self._tidy()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Ends the sidecar, gently and then by force; idempotent."""
        stdin = self._process.stdin
        if stdin and not stdin.closed:
            with suppress(OSError):
                self._send(Shutdown())
        proc.end(self._process, _STOP_SECONDS)

    def _send(self, message: Message) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(to_json(message)).encode() + b"\n")
        self._process.stdin.flush()

    def _await_ready(self) -> Ready:
        try:
            message = from_json(json.loads(self._read_line()))
        except ValueError as error:
            raise SidecarError(
                f"the sidecar answered with something unreadable{self._last_words()}"
            ) from error
        match message:
            case Ready():
                return message
            case Failed(message=reason):
                raise SidecarError(f"the sidecar could not start: {reason}")
            case _:
                raise SidecarError(f"the sidecar answered out of turn{self._last_words()}")

    def _read_line(self) -> bytes:
        assert self._process.stdout is not None
        descriptor, line = self._process.stdout.fileno(), b""
        deadline = time.monotonic() + _START_SECONDS
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise SidecarError(f"the sidecar gave no answer for {_START_SECONDS:g} s{self._last_words()}")
            chunk = os.read(descriptor, 65536)
            if not chunk or len(line) > _LONGEST_LINE:
                raise SidecarError(f"the sidecar died while starting{self._last_words()}")
            line += chunk
        return line

    def _last_words(self) -> str:
        text = b"".join(line for line in self._said() if Link.parse(line.rstrip()) is None)
        words = text.decode(errors="replace").strip()
        return f":\n{words[-2000:]}" if words else ""

    def _said(self) -> list[bytes]:
        with self._log.open("rb") as log:
            log.seek(self._begun)
            return log.readlines()

    def _tidy(self) -> None:
        """Nothing is decided before the bottle has its way out, so no line can come in between."""
        said = self._said()
        lines = [line for line in said if Link.parse(line.rstrip()) is not None]
        if lines != said:
            os.truncate(self._log, self._begun)
            with self._log.open("ab") as log:
                log.writelines(lines)
