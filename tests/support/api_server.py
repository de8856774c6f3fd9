"""A recording TLS server for mock model APIs; runs in threads of the test process."""

import json
import socket
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from attrs import define, field, frozen

from support.certificates import ServerCertificate
from support.scripts import Progress, Script


@frozen(kw_only=True)
class SeenRequest:
    """One request, or one message of a WebSocket (`method` is then "MESSAGE").

    `headers` have lower-case names. `at`: seconds of the monotonic clock, which all processes share.
    """

    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = field(repr=False)
    progress: Progress | None = None


@frozen(kw_only=True)
class SentEvent:
    """One streamed event, `at` the moment before it was written."""

    at: float
    data: Mapping[str, Any]


@define
class Recording:
    """What a server saw and said, in order."""

    requests: list[SeenRequest] = field(factory=list)
    events: list[SentEvent] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)

    def saw(self, request: SeenRequest) -> None:
        with self._lock:
            self.requests.append(request)

    def sent(self, data: Mapping[str, Any]) -> None:
        with self._lock:
            self.events.append(SentEvent(at=time.monotonic(), data=data))

    def model_calls(self) -> list[SeenRequest]:
        """The requests that carry a conversation."""
        with self._lock:
            return [request for request in self.requests if request.progress is not None]


class ApiServer(ThreadingHTTPServer):
    """Serves until the `with` block ends; then every connection is cut and every thread joined.

    `required_token`: the credential without which every request is refused with 401.
    """

    request_queue_size = 128
    daemon_threads = False

    def __init__(
        self,
        handler: type["ApiHandler"],
        certificate: ServerCertificate,
        *,
        script: Script,
        required_token: str | None,
        host: str = "127.0.0.1",
    ) -> None:
        self.script = script
        self.required_token = required_token
        self.recording = Recording()
        self.memory: dict[str, list[dict[str, Any]]] = {}
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate.chain, certificate.key)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((host, 0), handler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                _cut(connection)
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accepts without a handshake: it runs in the connection's own thread, at the first read."""
        plain, address = super().get_request()
        connection = self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no fault; anything else is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        connection.close()  # the client was quicker


class ApiHandler(BaseHTTPRequestHandler):
    """Reads, records, and dispatches to `answer`."""

    protocol_version = "HTTP/1.1"
    server: ApiServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The recording takes the place of the access log."""

    def answer(self, path: str, body: Any) -> None:
        raise NotImplementedError

    def progress(self, path: str, body: Any) -> Progress | None:
        """Where the conversation in this request stands; None where it carries none."""
        raise NotImplementedError

    def handle_any(self) -> None:
        path = self.path.split("?")[0]
        body = _json(self._read_body())
        self.record(self.command, body, self.progress(path, body))
        if self.authorised():
            self.answer(path, body)
        else:
            self.send_failure(401, "authentication_error", "invalid bearer token or x-api-key")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = handle_any  # noqa: N815

    def record(self, method: str, body: Any, progress: Progress | None) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.recording.saw(
            SeenRequest(
                at=time.monotonic(),
                method=method,
                path=self.path,
                headers=headers,
                body=body,
                progress=progress,
            )
        )

    def authorised(self) -> bool:
        credentials = (self.headers.get("x-api-key"), self.headers.get("Authorization", "")[len("Bearer ") :])
        return self.server.required_token is None or self.server.required_token in credentials

    def send_json(self, status: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_failure(self, status: int, kind: str, message: str) -> None:
        error = {"type": kind, "code": kind, "message": message}
        self.send_json(status, {"type": "error", "error": error})

    def stream(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Server-sent events, one chunk each."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in self.paced(events):
            payload = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(payload), payload))
        self.wfile.write(b"0\r\n\r\n")

    def paced(self, events: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Each event at its time, recorded as sent."""
        for number, event in enumerate(events):
            if number:
                time.sleep(self.server.script.chunk_delay)
            self.server.recording.sent(event)
            yield event

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else {}
    except ValueError:
        return {}


def new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:24]}"
