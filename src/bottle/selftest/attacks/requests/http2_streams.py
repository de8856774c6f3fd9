"""What one connection of HTTP/2 can carry besides plain requests."""

from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    block,
    exchanges,
    frame,
    head,
    request,
)
from bottle.selftest.probes.shots import DENIED, HOST, OTHER

_SMUGGLED = b"0\r\n\r\nGET /v1/forbidden HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n"


@attack(
    aim="proxy",
    source="RFC 9113, 9.1.1 (connection reuse) and 8.5; RFC 8441 (extended CONNECT); J. Kettle, 2021 (H2.CL)",
    expects="reset, or refused with 4xx; what was allowed before is still answered",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Reuses a granted host's connection for others, tunnels in it, and lies about lengths and order."""
    permitted = request(head(b"/v1/permitted"))
    one_more = {
        "coalescing to a denied host": head(b"/v1/forbidden", DENIED),
        "coalescing to another granted host": head(b"/v1/forbidden", OTHER),
        "a denied path behind an allowed one": head(b"/forbidden"),
        "CONNECT": [(b":method", b"CONNECT"), (b":authority", DENIED + b":443")],
        "CONNECT to the same host": [(b":method", b"CONNECT"), (b":authority", HOST + b":22")],
        "extended CONNECT": head(
            b"/forbidden", HOST, (b":protocol", b"websocket"), method=b"CONNECT"
        ),
        "extended CONNECT, protocol first": [
            (b":protocol", b"websocket"), *head(b"/v1/forbidden", HOST, method=b"CONNECT")
        ],
    }  # fmt: skip
    sent = {what: permitted + request(fields, 3) for what, fields in one_more.items()}
    yield from exchanges(aim, sent, allowed=1)
    post = head(b"/v1/forbidden", HOST, (b"content-length", b"0"), method=b"POST")
    chunked = head(b"/v1/forbidden", HOST, (b"transfer-encoding", b"chunked"), method=b"POST")
    split = block(head(b"/v1/forbidden"))
    single = {
        "a length that is too short": request(post, 1, END_HEADERS) + frame(DATA, END_STREAM, 1, _SMUGGLED),
        "a length that is too long": request(
            head(b"/v1/forbidden", HOST, (b"content-length", b"99"), method=b"POST")
        ),
        "two lengths": request(
            [*post, (b"content-length", b"60")], 1, END_HEADERS
        ) + frame(DATA, END_STREAM, 1, _SMUGGLED),
        "chunks": request(chunked, 1, END_HEADERS) + frame(DATA, END_STREAM, 1, _SMUGGLED),
        "an even stream": request(head(b"/v1/forbidden"), 2),
        "stream 0": request(head(b"/v1/forbidden"), 0),
        "a frame between parts of headers": frame(HEADERS, END_STREAM, 1, split[:20])
        + request(head(b"/v1/forbidden"), 3)
        + frame(CONTINUATION, END_HEADERS, 1, split[20:]),
        "a continuation of another stream": frame(HEADERS, END_STREAM, 1, split[:20])
        + frame(CONTINUATION, END_HEADERS, 3, split[20:]),
        "padding longer than the frame": frame(
            HEADERS, END_STREAM | END_HEADERS | 8, 1, b"\xff" + split
        ),
        "trailers with a pseudo-header": request(head(b"/v1/forbidden", method=b"POST"), 1, END_HEADERS)
        + request([(b":path", b"/forbidden")]),
    }  # fmt: skip
    yield from exchanges(aim, single)
