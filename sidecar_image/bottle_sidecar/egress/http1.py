"""HTTP/1 on both legs: mitmproxy's readers and writers, made strict and bounded.

Adds what they lack: a limit on the head, refusal of ambiguous framing before anything is forwarded,
bodies with trailers (which are dropped), interim answers, and chunked framing where an HTTP/2 request
without a length goes on over HTTP/1.
"""

from collections.abc import Generator
from typing import Any

from h11 import Data, EndOfMessage
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import http
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import (
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestTrailers,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._http1 import Http1Client, Http1Server

from bottle_sidecar.egress import hygiene, refusal

Commands = Generator[commands.Command, Any, None]

_END = b"\r\n\r\n"
_INTERIM = (b" 1", b" 101")


class Rejected(commands.Log):
    """A message that was refused before any rule was asked; the text says why."""


class WithoutTrailers:
    """A chunked body whose trailers are read and dropped."""

    def __init__(self, reader: ChunkedReader) -> None:
        self._reader = reader

    def __call__(self, buffer: ReceiveBuffer) -> Data | EndOfMessage | None:
        event = self._reader(buffer)
        return EndOfMessage() if isinstance(event, EndOfMessage) else event

    def read_eof(self) -> Any:
        return self._reader.read_eof()


class AgentHttp1(Http1Server):
    """The agent's side."""

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        if isinstance(event, events.DataReceived):
            raw = bytes(self.buf)
            head, end, _ = raw.partition(_END)
            if len(head) > hygiene.MAX_HEAD:
                yield from self._reject(431, f"the request's head is longer than {hygiene.MAX_HEAD} bytes")
                return
            problem = hygiene.head_problem(head) if end else hygiene.opening_problem(head)
            if problem is not None:
                yield from self._reject(400, problem)
                return
            if not end:
                return
        yield from super().read_headers(event)

    def read_body(self, event: events.Event) -> Commands:
        if isinstance(self.body_reader, ChunkedReader):
            self.body_reader = WithoutTrailers(self.body_reader)  # type: ignore[assignment]
        yield from super().read_body(event)

    def send(self, event: HttpEvent) -> Commands:
        if isinstance(event, ResponseTrailers):
            return
        yield from super().send(event)

    def _reject(self, status: int, problem: str) -> Commands:
        response = refusal.malformed(problem, status=status)
        response.headers["connection"] = "close"
        yield Rejected(f"malformed request: {problem}")
        raw = http1.assemble_response(response)  # type: ignore[no-untyped-call]
        yield commands.SendData(self.conn, raw)
        yield commands.CloseConnection(self.conn)
        self.state = self.done


class UpstreamHttp1(Http1Client):
    """The upstream's side."""

    _answered_early = False

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        if isinstance(event, events.DataReceived):
            self._drop_interim()
            if len(bytes(self.buf).partition(_END)[0]) > hygiene.MAX_RESPONSE_HEAD:
                yield commands.CloseConnection(self.conn)
                return
        yield from super().read_headers(event)

    def read_body(self, event: events.Event) -> Commands:
        if isinstance(self.body_reader, ChunkedReader):
            self.body_reader = WithoutTrailers(self.body_reader)  # type: ignore[assignment]
        yield from super().read_body(event)

    def send(self, event: HttpEvent) -> Commands:
        if isinstance(event, RequestTrailers):
            return
        if isinstance(event, RequestHeaders) and not event.end_stream:
            event = RequestHeaders(event.stream_id, _framed(event.request), end_stream=False)
        if self._answered_early and isinstance(event, RequestData | RequestEndOfMessage):
            return  # the answer came early and the connection is closing; the rest of the body is dropped
        yield from super().send(event)

    def mark_done(self, *, request: bool = False, response: bool = False) -> Commands:
        """Closes where the answer is complete before the request is: the connection cannot be used again."""
        if response and not self.request_done:
            self._answered_early = True
            self.state = self.done
            yield commands.CloseConnection(self.conn)
            return
        yield from super().mark_done(request=request, response=response)

    def _drop_interim(self) -> None:
        """Swallows 100 and 103 answers; the client had its own 100 from us."""
        while self.request is not None:
            raw = bytes(self.buf)
            interim, switching = _INTERIM
            if raw[8:10] != interim or raw[8:12] == switching or _END not in raw:
                return
            self.buf.maybe_extract_lines()


def _framed(request: http.Request) -> http.Request:
    """The request with a length that HTTP/1 can tell: HTTP/2 may send a body without announcing its size."""
    if not request.is_http2 or "content-length" in request.headers:
        return request
    framed = request.copy()
    framed.headers["transfer-encoding"] = "chunked"
    return framed
