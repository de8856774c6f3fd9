"""WebSocket relay with a bound on what one message may take, and a look at what the agent sends."""

from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any

import wsproto.events
from mitmproxy import http
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.websocket import WebsocketLayer
from wsproto.connection import ConnectionState
from wsproto.events import TextMessage
from wsproto.frame_protocol import CloseReason

from bottle_sidecar.egress.http1 import Rejected
from bottle_sidecar.egress.scan import BARRED, MESSAGES, BarredHook, MessageScan
from bottle_sidecar.policy.screen import LeakError

ANSWERS = "bottle.websocket-answers"  # in a flow's metadata: texts for the agent, in place of upstream's
MAX_MESSAGE = 32 * 1024 * 1024  # bytes; a message is relayed when it is complete
_LONGEST_REASON = 120  # bytes of a close frame

Commands = Generator[commands.Command, Any, None]
_Events = Callable[[], Iterator[wsproto.events.Event]]


class BoundedWebsocketLayer(WebsocketLayer):
    """mitmproxy's relay: keeps frames as they were cut, keeps no message after it was sent.

    What a hook leaves under `ANSWERS` goes to the agent. What the agent sends waits while it could be the
    beginning of a secret.
    """

    def __init__(self, context: Context, flow: http.HTTPFlow) -> None:
        super().__init__(context, flow)
        self._scan: MessageScan | None = flow.metadata.get(MESSAGES)
        self._outgoing: list[commands.SendData] = []

    def start(self, event: events.Event) -> Commands:
        yield from super().start(event)
        if self._scan is not None:
            look = partial(_looked_at, self.client_ws.events, self._scan)
            self.client_ws.events = look

    _handle_event = start

    def relay_messages(self, event: events.Event) -> Commands:
        try:
            for command in super().relay_messages(event):
                if isinstance(command, commands.SendData) and command.connection is self.context.server:
                    self._outgoing.append(command)
                    continue
                yield from self._send()
                yield command
        except LeakError as error:
            yield from self._bar(error)
            return
        yield from self._send()
        for text in self.flow.metadata.pop(ANSWERS, ()):
            if self.client_ws.state is ConnectionState.OPEN:
                yield self.client_ws.send2(TextMessage(data=text))
        if self._is_too_much():
            yield Rejected(f"a WebSocket message is longer than {MAX_MESSAGE} bytes")
            yield from self._close()

    def _send(self) -> Commands:
        if self._outgoing and not (self._scan is not None and self._scan.holds):
            yield from self._outgoing
            self._outgoing.clear()

    def _is_too_much(self) -> bool:
        kept = [sum(map(len, websocket.frame_buf)) for websocket in (self.client_ws, self.server_ws)]
        return max(*kept, sum(len(command.data) for command in self._outgoing)) > MAX_MESSAGE

    def _bar(self, error: LeakError) -> Commands:
        """Cuts the upstream off and tells the agent why, as far as a close frame can."""
        self.flow.metadata[BARRED] = error
        yield BarredHook(self.flow)
        if self.client_ws.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            why = "" if self.flow.error is None else self.flow.error.msg
            yield self.client_ws.send2(
                wsproto.events.CloseConnection(
                    code=CloseReason.POLICY_VIOLATION, reason=why[:_LONGEST_REASON]
                )
            )
        yield from self._close()

    def _close(self) -> Commands:
        yield commands.CloseConnection(self.context.server)
        yield commands.CloseConnection(self.context.client)
        self._outgoing.clear()
        self._handle_event = self.done  # type: ignore[method-assign]


def _looked_at(given: _Events, scan: MessageScan) -> Iterator[wsproto.events.Event]:
    """The events of the agent's side, each looked at before it goes on. Raises LeakError."""
    for event in given():
        match event:
            case wsproto.events.Message(data=data):
                content = data.encode() if isinstance(data, str) else bytes(data)
                scan.data(content, finished=event.message_finished)
            case wsproto.events.Ping() | wsproto.events.Pong():
                scan.control(bytes(event.payload))
            case wsproto.events.CloseConnection():
                scan.control((event.reason or "").encode())
        yield event
