"""Pipes between a process inside and the operator's own streams, which it must not hold itself.

A descriptor is more than the right to read or write once. With that of a terminal, one reads what is typed
there and changes how it behaves; with that of a file, one truncates it or opens it anew for more. A terminal
gets text alone: what a control sequence asks it, it answers by typing (docs/decisions/0147).
"""

import codecs
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from select import select
from threading import Thread

from bottle.backends.base import Streams
from bottle.terminal import printable

_CHUNK = 65536
_ATOMIC = 4096  # a pipe that is ready takes as much without blocking (PIPE_BUF)


class Text:
    """A stream of bytes as text that does nothing to a terminal; characters may come in pieces."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="backslashreplace")

    def shown(self, data: bytes) -> bytes:
        """`data` with escapes, as `printable` has them; carriage returns stay. b"" is the end."""
        text = self._decoder.decode(data, final=not data)
        return "\r".join(map(printable, text.split("\r"))).encode()


@contextmanager
def relayed(*, stdin: int | None, stdout: int, stderr: int) -> Iterator[Streams]:
    """Streams for a process inside. What it has written until the block ends is written by then.

    `stdin` None: nothing to read. Where the operator's stream takes no more, the process gets SIGPIPE.
    """
    with ExitStack() as stack:
        streams = Streams(
            stdin=_nothing(stack) if stdin is None else stack.enter_context(_incoming(stdin)),
            stdout=stack.enter_context(_outgoing(stdout)),
            stderr=stack.enter_context(_outgoing(stderr)),
        )
        yield streams


def _nothing(stack: ExitStack) -> int:
    descriptor = os.open(os.devnull, os.O_RDONLY)
    stack.callback(os.close, descriptor)
    return descriptor


@contextmanager
def _outgoing(target: int) -> Iterator[int]:
    read_end, write_end = os.pipe()
    text = Text() if os.isatty(target) else None
    with _pumping(read_end, target, drains=True, owned=read_end, text=text):
        try:
            yield write_end
        finally:
            os.close(write_end)


@contextmanager
def _incoming(source: int) -> Iterator[int]:
    read_end, write_end = os.pipe()
    with _pumping(source, write_end, drains=False, owned=write_end):
        try:
            yield read_end
        finally:
            os.close(read_end)


@contextmanager
def _pumping(source: int, sink: int, *, drains: bool, owned: int, text: Text | None = None) -> Iterator[None]:
    """A thread copies until the source ends, the sink refuses, or the block is left; it closes `owned`."""
    stop_read, stop_write = os.pipe()
    arguments = (source, sink, stop_read, drains, text)
    thread = Thread(target=_pump, args=(*arguments, owned), name="relay", daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(stop_write)
        thread.join()
        os.close(stop_read)


def _pump(source: int, sink: int, stop: int, drains: bool, text: Text | None, owned: int) -> None:  # noqa: FBT001 - a thread's
    with suppress(OSError):
        while True:
            data = os.read(source, _CHUNK) if _ready(source, stop, drains=drains) else b""
            shown = data if text is None else text.shown(data)
            if not _written(sink, shown, None if drains else stop) or not data:
                break
    os.close(owned)


def _ready(source: int, stop: int, *, drains: bool) -> bool:
    """Whether there is something to read; once told to stop, only what is there already."""
    readable, _, _ = select([source, stop], [], [])
    if stop in readable:
        return drains and source in select([source], [], [], 0)[0]
    return True


def _written(sink: int, data: bytes, stop: int | None) -> bool:
    """Whether all of it was taken before `stop`."""
    rest = memoryview(data)
    while rest:
        readable, writable, _ = select([] if stop is None else [stop], [sink], [])
        if readable:
            return False
        if writable:
            with suppress(BlockingIOError):
                rest = rest[os.write(sink, rest[: _ATOMIC if stop is not None else _CHUNK]) :]
    return True
