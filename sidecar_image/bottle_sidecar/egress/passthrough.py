"""A tunnel that is not decrypted: the ClientHello is read, the rest is relayed.

Only TLS goes through, and only with a readable server name that equals the CONNECT host; an encrypted
ClientHello could name another one, so it is cut (docs/decisions/0044).
"""

from collections.abc import Callable, Generator
from typing import Any

from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.tcp import TCPLayer
from mitmproxy.proxy.layers.tls import parse_client_hello

MAX_HELLO = 64 * 1024
_ENCRYPTED_CLIENT_HELLO = 0xFE0D


class PassthroughLayer(Layer):
    """Waits for a ClientHello, asks `permitted` about its server name, then relays or cuts."""

    def __init__(self, context: Context, permitted: Callable[[str | None], bool]) -> None:
        super().__init__(context)
        self._permitted = permitted
        self._received = bytearray()
        self._relay: TCPLayer | None = None

    def _handle_event(self, event: events.Event) -> Generator[commands.Command, Any, None]:
        if self._relay is not None:
            yield from self._relay.handle_event(event)
        elif isinstance(event, events.DataReceived):
            self._received += event.data
            yield from self._inspect()
        elif isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(self.context.client)

    def _inspect(self) -> Generator[commands.Command, Any, None]:
        try:
            hello = parse_client_hello(bytes(self._received))
        except ValueError:
            yield commands.CloseConnection(self.context.client)
            return
        if hello is None:
            if len(self._received) > MAX_HELLO:
                yield commands.CloseConnection(self.context.client)
            return
        encrypted = any(kind == _ENCRYPTED_CLIENT_HELLO for kind, _ in hello.extensions)
        if not self._permitted(None if encrypted else hello.sni):
            yield commands.CloseConnection(self.context.client)
            return
        self._relay = TCPLayer(self.context, ignore=True)
        yield from self._relay.handle_event(events.Start())
        yield from self._relay.handle_event(events.DataReceived(self.context.client, bytes(self._received)))
        self._received.clear()
