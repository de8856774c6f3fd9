"""Looks for secrets in what leaves in pieces: request bodies and WebSocket messages.

Clean pieces pass at once. What waits is what could still become a secret, and the end: the far side
has no complete request or message before all of it was looked at.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from mitmproxy import http
from mitmproxy.proxy import commands

from bottle_sidecar.egress.decoding import Decoder, Unpacker, UnreadableBodyError
from bottle_sidecar.policy.screen import Watch

MAX_UNSEEN = 1024 * 1024  # compressed bytes that may wait for their decoder to give anything
_CONTINUED = 4096  # bytes of a body that may continue what its URL began
_FREE_EXPANSION = 64 * 1024 * 1024  # bytes that any body may expand to
_MOST_EXPANSION = 100  # times its own size that a larger one may

BARRED = "bottle.barred"
"""Where a flow keeps the LeakError or UnreadableBodyError that ended it."""
MESSAGES = "bottle.messages"
"""Where a flow that became a WebSocket keeps its MessageScan."""

NewWatch = Callable[[], Watch]


@dataclass
class BarredHook(commands.StartHook):  # type: ignore[no-untyped-call]
    """Something in the body or the messages of a flow must not leave; the flow gets its refusal."""

    flow: http.HTTPFlow


class BodyScan:
    """The `stream` of a request: takes what came, gives what may go on. Never an empty chunk.

    Looks at the body as it stands and, where it is compressed, at what is in it. `length`: what the request
    announced; its last byte ends it. `before`: what the body continues as one text, such as a query, and what
    looks at both. `forgive`: hears why a body cannot be looked into, which then
    goes on as it is; None where it must not.
    """

    def __init__(
        self,
        watch: NewWatch,
        *,
        before: tuple[Watch, bytes] | None = None,
        undo: Sequence[Decoder] = (),
        length: int | None = None,
        forgive: Callable[[UnreadableBodyError], None] | None = None,
    ) -> None:
        self._new_watch = watch
        self._inner: Watch | None = None
        self._unpacker: Unpacker | None = Unpacker(undo)
        self._before = before
        self._length = length
        self._forgive = forgive
        self._waiting: deque[bytes] = deque()
        self._received = 0
        self._expanded = 0

    def __call__(self, data: bytes) -> list[bytes]:
        """An empty `data` is the end of the body. Raises LeakError, UnreadableBodyError."""
        if not data:
            return self._end()
        self._received += len(data)
        self._waiting.append(data)
        self._raw.feed(data)
        self._continue(data)
        seen = self._look_inside(data)
        if self._length is not None and self._received >= self._length:
            return []
        return self._settled() if self._unpacker is None else self._settled_before_last(seen=seen)

    @cached_property
    def _raw(self) -> Watch:
        """Made when the body begins: most requests have none."""
        return self._new_watch()

    def _end(self) -> list[bytes]:
        if self._unpacker is not None:
            self._forgiving(self._unpacker.finish())
        if self._inner is not None:
            self._inner.finish()
        self._raw.finish()
        return self._released(len(self._waiting))

    def _continue(self, data: bytes) -> None:
        """Looks for what began before the body, in the beginning of it."""
        if self._before is None:
            return
        watch, text = self._before
        watch.feed(text + data[:_CONTINUED])
        self._before = (watch, b"") if self._received < _CONTINUED else None

    def _look_inside(self, data: bytes) -> bool:
        """Whether a compressed body showed more of itself."""
        unpacker, before = self._unpacker, self._expanded
        if unpacker is None:
            return True
        self._forgiving(unpacker.feed(data))
        if unpacker.idle:
            self._unpacker = None
        return self._expanded > before

    def _forgiving(self, pieces: Iterator[bytes]) -> None:
        try:
            self._inspect(pieces)
        except UnreadableBodyError as error:
            if self._forgive is None:
                raise
            self._forgive(error)
            self._unpacker = None

    def _inspect(self, pieces: Iterator[bytes]) -> None:
        for piece in pieces:
            if self._unpacker is None or self._unpacker.idle:
                return
            self._expanded += len(piece)
            if self._expanded > max(_FREE_EXPANSION, _MOST_EXPANSION * self._received):
                raise UnreadableBodyError("it expands beyond all measure")
            self._inner = self._inner or self._new_watch()
            self._inner.feed(piece)

    def _settled(self) -> list[bytes]:
        """All but the bytes that may become a secret."""
        whole = b"".join(self._waiting)
        self._waiting.clear()
        free = max(0, len(whole) - self._raw.held)
        if free < len(whole):
            self._waiting.append(whole[free:])
        return [whole[:free]] if free else []

    def _settled_before_last(self, *, seen: bool) -> list[bytes]:
        """All but the last chunk, which may have begun what the decoder has yet to show."""
        if seen and not (self._inner is not None and self._inner.held) and not self._raw.held:
            return self._released(len(self._waiting) - 1)
        if sum(map(len, self._waiting)) > MAX_UNSEEN:
            self._hidden()
        return []

    def _hidden(self) -> None:
        error = UnreadableBodyError(f"more than {MAX_UNSEEN} bytes of it show nothing")
        if self._forgive is None:
            raise error
        self._forgive(error)
        self._unpacker = None

    def _released(self, chunks: int) -> list[bytes]:
        return [self._waiting.popleft() for _ in range(chunks)]


class MessageScan:
    """What an agent sends on one WebSocket: each message by itself, and all of them as one text."""

    def __init__(self, message: NewWatch, connection: NewWatch) -> None:
        self._new_message = message
        self._message = message()
        self._connection = connection()
        self._control = connection()

    def data(self, data: bytes, *, finished: bool) -> None:
        """A frame of a message. Raises LeakError."""
        self._connection.feed(data)
        self._message.feed(data)
        if finished:
            self._message.finish()
            self._message = self._new_message()

    def control(self, data: bytes) -> None:
        """What a ping, a pong or a close carries. Raises LeakError."""
        self._control.feed(data)

    @property
    def holds(self) -> bool:
        """Whether the last frames could be the beginning of a secret, and must wait for the next ones."""
        return bool(self._connection.held or self._control.held)
