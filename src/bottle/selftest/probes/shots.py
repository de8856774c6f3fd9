"""Conversations with a proxy, for the attacks on the sidecar; goes into a bottle beside them."""

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, await_quiet

HOST, OTHER, DENIED, PLAIN = (
    b"api.example.com",
    b"other.example.com",
    b"denied.example.com",
    b"plain.example.com",
)
SECONDS = 2
CLOSE = b"Connection: close\r\n"


@dataclass(frozen=True)
class Shot:
    """One conversation with the proxy. `allowed`: answers of success that are no gain.

    `connect` None: the bytes go to the proxy itself. `sni` None: TLS without a name; `tls` False: none.
    """

    send: bytes
    connect: bytes | None = HOST + b":443"
    sni: bytes | None = HOST
    tls: bool = True
    allowed: int = 0


def get(path: bytes, host: bytes = HOST, *lines: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n" + b"".join(lines) + CLOSE + b"\r\n"


def fire(proxy: tuple[str, int], shot: Shot) -> str | None:
    """What came back, where that is a success, or no HTTP at all."""
    with contextlib.ExitStack() as stack:
        stream = opened(stack, proxy, connect=shot.connect, sni=shot.sni, tls=shot.tls)
        if stream is None:
            return None
        stream.sendall(shot.send)
        return gain(await_quiet(lambda: stream.recv(65536), SECONDS), shot.allowed)


def opened(
    stack: contextlib.ExitStack,
    proxy: tuple[str, int],
    *,
    connect: bytes | None = HOST + b":443",
    sni: bytes | None = HOST,
    tls: bool = True,
    alpn: Sequence[str] = ("http/1.1",),
) -> Any:
    """A stream as a shot needs it, for as long as `stack` lives; None where the tunnel is refused."""
    stream: Any = stack.enter_context(socket.create_connection(proxy, SECONDS))
    if connect is None:
        return stream
    stream.sendall(b"CONNECT " + connect + b" HTTP/1.1\r\nHost: " + connect + b"\r\n\r\n")
    if not read_head(stream).startswith(b"HTTP/1.1 200"):
        return None
    return stack.enter_context(_secured(stream, sni, alpn)) if tls else stream


def gain(answer: bytes, allowed: int) -> str | None:
    statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    successes = [status for status in statuses if status[:1] in b"123" and status != b"100"]
    if len(successes) > allowed or (answer and not statuses and answer[:1] != b"\x15"):
        return f"answered: {answer[:200]!r}"
    return None


def read_head(stream: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)
        if not byte:
            break
        head += byte
    return head


def _secured(stream: socket.socket, name: bytes | None, alpn: Sequence[str]) -> ssl.SSLSocket:
    """The agent may well ignore whose certificate it sees."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(alpn))
    return context.wrap_socket(stream, server_hostname=None if name is None else name.decode())


def volley(proxy: tuple[str, int], shots: dict[str, Shot]) -> Iterator[Attempt]:
    for what, shot in shots.items():
        yield what, partial(fire, proxy, shot)
