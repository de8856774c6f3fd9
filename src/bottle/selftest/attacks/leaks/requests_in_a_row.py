"""Requests on one connection."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack, await_quiet
from bottle.selftest.probes.parcels import arrived, connected


@attack(
    aim="secrets",
    source="RFC 9112, 9.3; J. Kettle, Browser-Powered Desync Attacks, 2022 (only the first is looked at)",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends a secret with the second or fifth request of a connection, pipelined, after 100-continue."""
    word = aim["word"].encode()
    for tls in (False, True):
        where = "in TLS" if tls else "in the clear"
        yield f"second, {where}", partial(_in_a_row, aim, 1, word, tls=tls)
        yield f"fifth, {where}", partial(_in_a_row, aim, 4, word, tls=tls)
    yield "pipelined", partial(_in_a_row, aim, 1, word, pipelined=True)
    yield "pipelined body", partial(_in_a_row, aim, 2, word, pipelined=True, in_body=True)
    yield (
        "after 100-continue",
        partial(_in_a_row, aim, 0, word, in_body=True, line=b"Expect: 100-continue\r\n"),
    )


def _in_a_row(  # noqa: PLR0913 - what varies
    aim: Any,
    before: int,
    word: bytes,
    *,
    tls: bool = False,
    pipelined: bool = False,
    in_body: bool = False,
    line: bytes = b"",
) -> str | None:
    number = os.urandom(6).hex()
    host = aim["host"] if tls else aim["plain"]
    start = (f"/leak/{number}" if tls else f"http://{host}/leak/{number}").encode()
    first = b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (start, host.encode())
    text = word if in_body else b"x"
    last = b"POST %s%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s" % (
        start, b"" if in_body else b"?q=" + word, host.encode(), line, len(text), text,
    )  # fmt: skip
    with suppress(OSError), connected(aim, host if tls else None) as stream:
        if pipelined:
            stream.sendall(first * before + last)
        else:
            for _ in range(before):
                stream.sendall(first)
                stream.recv(65536)
            stream.sendall(last)
        await_quiet(lambda: stream.recv(65536))
    return arrived(aim, number, [word])
