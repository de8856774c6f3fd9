"""The sidecar's lifetime, seen from its owner: started with everything it needs, ended with its owner."""

import json
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from bottle import proc
from bottle.errors import BottleError
from bottle_sidecar.control.protocol import (
    Ask,
    Decide,
    Exceeded,
    Failed,
    Message,
    Notice,
    Ready,
    Remark,
    Renew,
    Shutdown,
    Start,
    from_json,
    to_json,
)
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

    Called from a thread: `overuse` with the bytes that the sidecar found to be too many, or with None
    where it died before it was stopped; `heard` with what the operator shall know or decide on.
    """

    def __init__(
        self,
        command: proc.Command,
        start: Start,
        *,
        log: Path,
        overuse: Callable[[int | None], None] | None = None,
        heard: Callable[[Ask | Notice], None] | None = None,
    ) -> None:
        self._log = log
        self._heard = b""
        self._stopping = False
        self._listening: threading.Thread | None = None
        self._saying = threading.Lock()
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
        if overuse or heard:
            self._listening = threading.Thread(target=self._listen, args=(overuse, heard), daemon=True)
            self._listening.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def tell(self, message: Renew | Remark | Decide) -> None:
        """Says something to a running sidecar. From any thread, but not beside `stop`."""
        with suppress(OSError):  # it died; whoever uses it will find out
            self._send(message)

    def stop(self) -> None:
        """Ends the sidecar, gently and then by force; idempotent."""
        self._stopping = True
        stdin = self._process.stdin
        if stdin and not stdin.closed:
            with suppress(OSError):
                self._send(Shutdown())
            with suppress(OSError):
                stdin.close()
        if proc.wait(self._process, _STOP_SECONDS) is None:
            self._process.kill()
        if self._listening:
            self._listening.join()  # it reads to the end of a stream that is then closed
        proc.end(self._process, _STOP_SECONDS)

    def _send(self, message: Message) -> None:
        assert self._process.stdin is not None
        with self._saying:
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
        deadline = time.monotonic() + _START_SECONDS
        while (line := self._line()) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise SidecarError(f"the sidecar gave no answer for {_START_SECONDS:g} s{self._last_words()}")
            if not self._read() or len(self._heard) > _LONGEST_LINE:
                raise SidecarError(f"the sidecar died while starting{self._last_words()}")
        return line

    def _line(self) -> bytes | None:
        """The next whole line of what was read; None where there is none."""
        line, end, rest = self._heard.partition(b"\n")
        if not end:
            return None
        self._heard = rest
        return line

    def _read(self) -> bool:
        """Waits for more of what it says; whether there was any."""
        assert self._process.stdout is not None
        chunk = os.read(self._process.stdout.fileno(), 65536)
        self._heard += chunk
        return bool(chunk)

    def _listen(
        self, overuse: Callable[[int | None], None] | None, heard: Callable[[Ask | Notice], None] | None
    ) -> None:
        """In a thread, to the end of what the sidecar says."""
        for message in self._messages():
            if isinstance(message, Ask | Notice) and heard:
                heard(message)
            elif isinstance(message, Exceeded) and overuse:
                overuse(message.used)
                return
        if overuse and not self._stopping:
            overuse(None)

    def _messages(self) -> Iterator[Message]:
        """What is not understood is left out."""
        while True:
            while (line := self._line()) is not None:
                with suppress(ValueError):
                    yield from_json(json.loads(line))
            if len(self._heard) > _LONGEST_LINE or not self._read():
                return

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
