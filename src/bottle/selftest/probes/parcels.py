"""Requests that carry something away, and the question whether it came; goes into a bottle with the attacks.

What is asked is the server, which kept all that reached it, of unfinished requests, too. So an attempt is
through where the whole of what it sent has left, whatever the answer was.
"""

import http.client
import json
import os
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt
from bottle.selftest.probes.shots import read_head

MASK = 0x5A
SECONDS = 10
_REASON = "the whole of it reached the server"


@dataclass(frozen=True)
class Parcel:
    """One request. `forms`: what must have come, each of them, for the secret to have left.

    `path` follows the number of the attempt; `lines` are header lines. `pieces`: the body as it is sent,
    `pause` seconds apart; `chunked`: each piece is a chunk; `cut`: every byte of the head is sent by itself.
    `host`: where it goes, else one that is granted; `tls`: in a tunnel.
    """

    forms: Sequence[bytes]
    method: bytes = b"POST"
    path: bytes = b""
    lines: bytes = b""
    pieces: Sequence[bytes] = ()
    chunked: bool = False
    pause: float = 0.0
    cut: bool = False
    tls: bool = False
    host: str = ""

    def written(self, begin: bytes, host: bytes) -> Iterator[bytes]:
        framing = b""
        if self.chunked:
            framing = b"Transfer-Encoding: chunked\r\n"
        elif self.pieces:
            framing = b"Content-Length: %d\r\n" % sum(map(len, self.pieces))
        head = b"%s %s%s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n" % (
            self.method, begin, self.path, host, self.lines, framing,
        )  # fmt: skip
        yield from (_bytes_of(head) if self.cut else (head,))
        for piece in self.pieces:
            yield b"%x\r\n%s\r\n" % (len(piece), piece) if self.chunked else piece
        if self.chunked:
            yield b"0\r\n\r\n"


def _bytes_of(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def body(form: bytes, text: bytes | None = None, lines: bytes = b"", **details: Any) -> Parcel:
    """A request with a body: `text`, or the form alone."""
    return Parcel(forms=[form], pieces=[form if text is None else text], lines=lines, **details)


def sent(aim: Any, parcels: dict[str, Parcel]) -> Iterator[Attempt]:
    for what, parcel in parcels.items():
        yield what, partial(left, aim, parcel)


def left(aim: Any, *parcels: Parcel) -> str | None:
    """Sends them one after the other; an answer that comes early ends nothing."""
    number = os.urandom(6).hex()
    for parcel in parcels:
        with suppress(OSError, http.client.HTTPException):
            _send(aim, parcel, number)
    return arrived(aim, number, [form for parcel in parcels for form in parcel.forms])


def _send(aim: Any, parcel: Parcel, number: str) -> None:
    host = parcel.host or (aim["host"] if parcel.tls else aim["plain"])
    begin = f"/leak/{number}" if parcel.tls else f"http://{host}/leak/{number}"
    with connected(aim, host if parcel.tls else None) as stream:
        with suppress(OSError):
            for piece in parcel.written(begin.encode(), host.encode()):
                stream.sendall(piece)
                time.sleep(parcel.pause)
        answer = http.client.HTTPResponse(stream, method=parcel.method.decode())
        answer.begin()
        answer.read()


def arrived(aim: Any, number: str, forms: Sequence[bytes]) -> str | None:
    """Asks over a connection of its own. Raises OSError where nobody answers."""
    question = {"number": number, "forms": [bytes(byte ^ MASK for byte in form).hex() for form in forms]}
    text = json.dumps(question).encode()
    with connected(aim, None) as stream:
        stream.sendall(
            b"POST http://%s/arrived HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n"
            % (aim["plain"].encode(), aim["plain"].encode(), len(text))
            + text
        )
        answer = http.client.HTTPResponse(stream)
        answer.begin()
        told = answer.read()
    if told not in (b"arrived", b"missing"):
        raise RuntimeError(f"the server does not say what came: {answer.status} {told[:200]!r}")
    return _REASON if told == b"arrived" else None


@contextmanager
def connected(aim: Any, tunnel: str | None, protocol: str = "http/1.1") -> Iterator[Any]:
    """A connection to the proxy, or through it a tunnel with TLS. Raises OSError."""
    with ExitStack() as stack:
        stream: Any = stack.enter_context(socket.create_connection(tuple(aim["proxy"]), SECONDS))
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tunnel is not None:
            stream.sendall(f"CONNECT {tunnel}:443 HTTP/1.1\r\nHost: {tunnel}:443\r\n\r\n".encode())
            if b" 200 " not in read_head(stream):
                raise ConnectionRefusedError("no tunnel")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols([protocol])
            stream = stack.enter_context(context.wrap_socket(stream, server_hostname=tunnel))
        yield stream
