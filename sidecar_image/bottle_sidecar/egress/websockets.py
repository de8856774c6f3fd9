"""WebSocket relay with a bound on what one message may take."""

from collections.abc import Generator
from typing import Any

from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.websocket import WebsocketLayer
from wsproto.connection import ConnectionState
from wsproto.events import TextMessage

from bottle_sidecar.egress.http1 import Rejected

ANSWERS = "bottle.websocket-answers"  # in a flow's metadata: texts for the agent, in place of upstream's
MAX_MESSAGE = 32 * 1024 * 1024  # bytes; a message is relayed when it is complete


class BoundedWebsocketLayer(WebsocketLayer):
    """mitmproxy's relay: keeps frames as they were cut, keeps no message after it was sent.

    What a hook leaves under `ANSWERS` goes to the agent.
    """

    def relay_messages(self, event: events.Event) -> Generator[commands.Command, Any, None]:
        yield from super().relay_messages(event)
        for text in self.flow.metadata.pop(ANSWERS, ()):
            if self.client_ws.state is ConnectionState.OPEN:
                yield self.client_ws.send2(TextMessage(data=text))
        websockets = (self.client_ws, self.server_ws)
        if any(sum(map(len, websocket.frame_buf)) > MAX_MESSAGE for websocket in websockets):
            yield Rejected(f"a WebSocket message is longer than {MAX_MESSAGE} bytes")
            yield commands.CloseConnection(self.context.server)
            yield commands.CloseConnection(self.context.client)
            self._handle_event = self.done
