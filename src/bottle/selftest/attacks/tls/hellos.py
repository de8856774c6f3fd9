"""Greetings that name something odd."""

import contextlib
import ssl
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack, await_quiet
from bottle.selftest.probes.http2 import OPENING, head, request, successes
from bottle.selftest.probes.shots import DENIED, HOST, OTHER, SECONDS, gain, get, opened

_HTTP2 = OPENING + request(head(b"/v1/forbidden", DENIED))


@attack(
    aim="proxy",
    source="CVE-2021-3618 (ALPACA, ALPN of other protocols); D. Fifield et al., PoPETs 2015; RFC 9849 (ECH)",
    expects="an alert, or refused with 4xx",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Lets SNI, ALPN and what is then spoken disagree, and hides another greeting inside of TLS."""
    plain = get(b"/v1/forbidden", DENIED)
    names = {
        "no name": None,
        "another granted name": OTHER,
        "a denied name": DENIED,
        "an address": b"127.0.0.1",
    }
    protocols: dict[str, Sequence[str]] = {
        "h2": ("h2",), "both": ("h2", "http/1.1"), "http/1.1": ("http/1.1",), "http/1.0": ("http/1.0",),
        "spdy": ("spdy/3.1", "http/1.1"), "none": (),
    }  # fmt: skip
    for named, name in names.items():
        for offered, alpn in protocols.items():
            sent = _HTTP2 if alpn[:1] == ("h2",) else plain
            yield f"{named}, {offered}", partial(_greeted, aim, name, alpn, sent)
    yield "HTTP/1 where h2 was agreed on", partial(_greeted, aim, HOST, ("h2",), get(b"/v1/forbidden"))
    yield "h2 where HTTP/1 was agreed on", partial(_greeted, aim, HOST, ("http/1.1",), _HTTP2)
    for inner in (HOST, DENIED):
        yield f"TLS in TLS to {inner.decode()}", partial(_greeted, aim, HOST, (), _hello(inner))
        yield f"TLS in TLS over h2 to {inner.decode()}", partial(_greeted, aim, HOST, ("h2",), _hello(inner))


def _greeted(proxy: tuple[str, int], name: bytes | None, alpn: Sequence[str], sent: bytes) -> str | None:
    with contextlib.ExitStack() as stack:
        stream = opened(stack, proxy, sni=name, alpn=alpn)
        if stream is None:
            return None
        stream.sendall(sent)
        answer = await_quiet(lambda: stream.recv(65536), SECONDS)
    if stream_answers := successes(answer):
        return f"answered with success: streams {stream_answers}"
    return gain(answer, 0) if answer[3:4] not in {b"\x04", b"\x07"} else None


def _hello(name: bytes) -> bytes:
    """What a TLS client would say to that host."""
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(received, sent, server_hostname=name.decode()).do_handshake()
    return sent.read()
