"""Messages that two parsers could read in two ways, and headers that must stop at the proxy."""

from contextlib import suppress

import pytest

from support.egress import Begin, MakeRoute, Serve, Shared
from support.http2_client import Http2Client
from support.sidecar import read_all, read_reply

HOST = "api.test"
START = b"POST / HTTP/1.1\r\nHost: api.test\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n"


def head(*lines: bytes) -> bytes:
    return START + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


AMBIGUOUS = {
    "CL.TE": head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + SMUGGLED,
    "TE.CL": head(b"Transfer-Encoding: chunked", b"Content-Length: 4")
    + b"5c\r\n"
    + SMUGGLED
    + b"\r\n0\r\n\r\n",
    "two lengths": head(b"Content-Length: 0", b"Content-Length: 44") + SMUGGLED,
    "length list": head(b"Content-Length: 0, 44") + SMUGGLED,
    "signed length": head(b"Content-Length: +44") + SMUGGLED,
    "negative length": head(b"Content-Length: -1") + SMUGGLED,
    "hexadecimal length": head(b"Content-Length: 0x2c") + SMUGGLED,
    "length with underscore": head(b"Content_Length: 44") + SMUGGLED,
    "digits of another script": head("Content-Length: \u0664\u0664".encode()) + SMUGGLED,
    "two encodings": head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity")
    + b"0\r\n\r\n"
    + SMUGGLED,
    "encoding list": head(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n" + SMUGGLED,
    "disguised encoding": head(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n" + SMUGGLED,
    "encoding with tab in the name": head(b"Transfer-Encoding\t: chunked") + b"0\r\n\r\n" + SMUGGLED,
    "space before the colon": head(b"Content-Length : 44") + SMUGGLED,
    "folded header": head(b"X: a", b" Transfer-Encoding: chunked") + b"0\r\n\r\n" + SMUGGLED,
    "bare LF": b"POST / HTTP/1.1\nHost: api.test\nContent-Length: 0\n\n" + SMUGGLED,
    "bare LF within": START + b"X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "bare CR": START + b"X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "NUL": head(b"X: a\x00b"),
    "leading empty line": b"\r\n" + head(b"Content-Length: 0"),
    "old with chunks": b"POST / HTTP/1.0\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown version": b"GET / HTTP/1.2\r\nHost: api.test\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "three words": b"GET / x HTTP/1.1\r\nHost: api.test\r\n\r\n",
    "tab for space": b"GET\t/\tHTTP/1.1\r\nHost: api.test\r\n\r\n",
    "letters outside ASCII": "GET /\u00e9 HTTP/1.1\r\nHost: api.test\r\n\r\n".encode(),
    "nominated length": head(b"Connection: Content-Length", b"Content-Length: 44") + SMUGGLED,
    "nominated host": head(b"Connection: Host", b"Content-Length: 0"),
    "nameless header": head(b": value"),
    "other expectation": head(b"Expect: 200-ok", b"Content-Length: 0"),
    "chunk size with a sign": head(b"Transfer-Encoding: chunked") + b"+0\r\n\r\n" + SMUGGLED,
    "chunk that is longer than it says": head(b"Transfer-Encoding: chunked")
    + b"1\r\nabc\r\n0\r\n\r\n"
    + SMUGGLED,
    "endless head": START + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
    "endless head without an end": START + b"X: a\r\n" * 20_000,
}


@pytest.mark.parametrize("message", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_ambiguous_messages_are_refused_and_the_connection_ends(shared: Shared, message: bytes) -> None:
    sidecar, upstream = shared
    before = len(upstream.requests)
    with sidecar.secure(HOST) as connection:
        with suppress(OSError):  # it may be refused before it is all sent
            connection.sendall(message)
        answers = read_all(connection)
    assert not answers or answers.split(b" ")[1] in (b"400", b"403", b"431", b"502"), answers
    assert answers.count(b"HTTP/1.1 ") <= 1
    assert len(upstream.requests) == before


@pytest.mark.parametrize(
    "header",
    [
        ("x", "a\r\nhost: other.test"),
        ("x", "a\nb"),
        ("x", "a\x00b"),
        ("x y", "a"),
        ("x:y", "a"),
        ("x\r\ny", "a"),
        ("X-Upper", "a"),
        ("transfer-encoding", "chunked"),
        ("connection", "x-secret"),
        ("upgrade", "h2c"),
        ("content-length", "3, 3"),
        ("content-length", "3"),
        (":path", "/other"),
        ("te", "gzip"),
    ],
)
def test_http2_headers_that_would_break_out(shared: Shared, header: tuple[str, str]) -> None:
    sidecar, upstream = shared
    before = len(upstream.requests)
    with sidecar.secure(HOST, alpn=["h2"]) as connection:
        client = Http2Client(connection)
        stream = client.finish(
            client.begin(
                [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/"), header]
            )
        )
    assert stream.reset is not None or not stream.headers or stream.status in (400, 403)
    assert len(upstream.requests) == before


def test_hop_by_hop_headers_stay_here(shared: Shared) -> None:
    sidecar, upstream = shared
    sidecar.request(
        HOST,
        headers={
            "Connection": "keep-alive, X-Private, Authorization",
            "X-Private": "1",
            "Authorization": "Bearer agent",
            "Keep-Alive": "timeout=5",
            "Proxy-Authorization": "Basic x",
            "Proxy-Connection": "keep-alive",
            "TE": "gzip",
            "Trailer": "X-Later",
            "Upgrade": "h2c",
            "HTTP2-Settings": "AAMAAABkAAQAAP__",
            "X-Public": "1",
        },
    )
    names = {name for name, _ in upstream.requests[-1].headers}
    assert "x-public" in names
    assert not names & {
        "connection", "x-private", "authorization", "keep-alive", "proxy-authorization", "proxy-connection",
        "te", "trailer", "upgrade", "http2-settings",
    }  # fmt: skip


def test_trailers_do_not_become_headers(shared: Shared) -> None:
    sidecar, upstream = shared
    body = b"3\r\nabc\r\n0\r\nHost: other.test\r\nX-Late: 1\r\n\r\n"
    reply = sidecar.request(HOST, method="POST", headers={"Transfer-Encoding": "chunked"}, body=body)
    assert reply.status == 200
    assert upstream.requests[-1].body == b"abc"
    assert not upstream.requests[-1].values("x-late")


def test_pipelined_requests_are_judged_one_by_one(shared: Shared) -> None:
    sidecar, upstream = shared
    before = len(upstream.requests)
    with sidecar.secure(HOST) as connection:
        connection.sendall(
            b"GET /1 HTTP/1.1\r\nHost: api.test\r\n\r\nGET /2 HTTP/1.1\r\nHost: other.test\r\n\r\n"
            b"GET /3 HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n"
        )
        statuses = [read_reply(connection).status for _ in range(1)]
        read_all(connection)
    assert statuses == [200]
    assert "/2" not in [seen.target for seen in upstream.requests[before:]]


def test_an_http2_body_without_a_length_is_framed_for_an_http1_upstream(
    start: Begin, serve: Serve, to: MakeRoute
) -> None:
    upstream = serve(HOST, protocols=("http/1.1",))
    with start(to(HOST, upstream)).secure(HOST, alpn=["h2"]) as connection:
        stream = Http2Client(connection).request(HOST, method="POST", body=SMUGGLED)
    assert stream.status == 200
    (seen,) = upstream.requests
    assert (seen.target, seen.body, seen.values("transfer-encoding")) == ("/", SMUGGLED, ["chunked"])
