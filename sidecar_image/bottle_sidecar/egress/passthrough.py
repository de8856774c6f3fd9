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

from bottle_sidecar.egress.exchanges import Exchange

MAX_HELLO = 64 * 1024
_ENCRYPTED_CLIENT_HELLO = 0xFE0D


class PassthroughLayer(Layer):
    """Waits for a ClientHello, asks `permitted` about its server name, then relays and counts, or cuts."""

    def __init__(self, context: Context, permitted: Callable[[str | None], Exchange | None]) -> None:
        super().__init__(context)
        self._permitted = permitted
        self._received = bytearray()
        self._relay: TCPLayer | None = None
        self._exchange: Exchange | None = None

    def _handle_event(self, event: events.Event) -> Generator[commands.Command, Any, None]:
        if self._relay is not None:
            self._count(event)
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
        self._exchange = self._permitted(None if encrypted else hello.sni)
        if self._exchange is None:
            yield commands.CloseConnection(self.context.client)
            return
        self._relay = TCPLayer(self.context, ignore=True)
        yield from self._relay.handle_event(events.Start())
        opening = events.DataReceived(self.context.client, bytes(self._received))
        self._count(opening)
        yield from self._relay.handle_event(opening)
        self._received.clear()

    def _count(self, event: events.Event) -> None:
        if self._exchange is not None and isinstance(event, events.DataReceived):
            self._exchange.passed(len(event.data), from_agent=event.connection is self.context.client)
