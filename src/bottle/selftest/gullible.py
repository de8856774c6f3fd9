"""A proxy that grants everything: the control for attacks on the sidecar."""

import os
import socket
import socketserver
import ssl
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from bottle.selftest.probes import http2

_SECONDS = 5.0
_LIMIT = 2**20
_SUCCESS = b"HTTP/1.1 200 OK\r\nX-Reached: yes\r\nContent-Length: 9\r\nConnection: close\r\n\r\nforbidden"
_END = b"\r\n\r\n"
_UPGRADE = b"Upgrade: websocket"
_SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
_WHOLE, _STATUS_200 = http2.END_STREAM | http2.END_HEADERS, b"\x88"
_CLIENT_HELLO = b"\x16\x03"
_SHORTEST_HELLO = 64
_SESSION = 43  # where a hello has the length of its session's name, which hellos of today all have


class Gullible:
    """Answers every request with success, in a tunnel or not, with TLS or not; anything else with words."""

    def __init__(self, pem: str) -> None:
        """`pem`: a certificate and its key, which nobody needs to trust."""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with os.fdopen(os.memfd_create("certificate"), "w") as file:
            file.write(pem)
            file.flush()
            self._context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
        self._context.set_alpn_protocols(["h2", "http/1.1"])
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        loop = self._server.serve_forever
        self._thread = threading.Thread(target=loop, args=(0.05,), name="gullible")

    @property
    def address(self) -> tuple[str, int]:
        host, port, *_ = self._server.server_address
        return str(host), int(port)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        converse = self._converse

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.settimeout(_SECONDS)
                with suppress(OSError):
                    converse(self.request)

        return Handler

    def _converse(self, stream: socket.socket) -> None:
        received = stream.recv(_LIMIT)
        if received.startswith(b"CONNECT ") and received.find(_END) == len(received) - len(_END):
            stream.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            opening = stream.recv(_SHORTEST_HELLO, socket.MSG_PEEK)
            if opening.startswith(_CLIENT_HELLO) and opening[_SESSION:] and opening[_SESSION]:
                with self._context.wrap_socket(stream, server_side=True) as secured:
                    _answer(secured, secured.recv(_LIMIT))
                return
            received = stream.recv(_LIMIT)
        _answer(stream, received)


def _answer(stream: socket.socket, received: bytes) -> None:
    if _UPGRADE in received:
        stream.sendall(_SWITCHED)
        stream.recv(_LIMIT)
    if received.startswith(http2.PREFACE):
        stream.sendall(_http2_successes(received.removeprefix(http2.PREFACE)))
    else:
        stream.sendall(_SUCCESS * _requests(received) or b"anything goes\r\n")
    with suppress(OSError):
        stream.shutdown(socket.SHUT_WR)


def _http2_successes(received: bytes) -> bytes:
    """One for each stream that has headers."""
    streams = [stream for kind, stream, _ in http2.frames(received) if kind == http2.HEADERS]
    answers = [http2.frame(http2.HEADERS, _WHOLE, stream, _STATUS_200) for stream in streams]
    return http2.frame(http2.SETTINGS, 0, 0) + b"".join(answers)


def _requests(received: bytes) -> int:
    """As the most generous server would count them."""
    return received.count(b" HTTP/1.")
