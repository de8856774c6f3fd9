"""Trailers."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.http2_parcels import Request, left
from bottle.selftest.probes.parcels import arrived, connected


@attack(
    aim="secrets",
    source="RFC 9110, 6.5; RFC 9112, 7.1.2",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets in fields behind the body, over HTTP/1 and HTTP/2. The control has them before it."""
    word = aim["word"].encode()
    yield "HTTP/1", partial(_behind_chunks, aim, b"X-Note: " + word)
    yield "HTTP/1, announced", partial(_behind_chunks, aim, b"X-Note: " + word, b"Trailer: X-Note\r\n")
    fields = [(b"x-note", word)]
    before, behind = ((), fields) if aim["late"] else (fields, ())
    request = Request([word], fields=before, data=[b"x"], late=behind)
    yield "HTTP/2", partial(left, aim, request)


def _behind_chunks(aim: Any, line: bytes, announced: bytes = b"") -> str | None:
    number = os.urandom(6).hex()
    host = aim["plain"].encode()
    before, behind = (b"", line + b"\r\n") if aim["late"] else (line + b"\r\n", b"")
    head = b"POST http://%s/leak/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s" % (
        host, number.encode(), host, announced + before,
    )  # fmt: skip
    with suppress(OSError), connected(aim, None) as stream:
        stream.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + behind + b"\r\n")
        while stream.recv(65536):
            pass
    return arrived(aim, number, [line.partition(b": ")[2]])
