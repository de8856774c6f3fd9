import pytest

from bottle_sidecar.egress import hygiene

GOOD = b"GET / HTTP/1.1\r\nHost: api.test\r\nX-Y: a\tb \xc3\xa9"


def test_a_good_head() -> None:
    assert hygiene.head_problem(GOOD) is None
    assert hygiene.head_problem(b"GET / HTTP/1.0") is None


@pytest.mark.parametrize(
    "line",
    [
        "A: b\x00",
        "A: b\x0bc",
        "A : b",
        " A: b",
        "A\x00: b",
        "A",
        ": b",
        "(A): b",
        "A: \x7f",
        "Transfer_Encoding: x",
    ],
)
def test_bad_header_lines(line: str) -> None:
    assert hygiene.head_problem(GOOD + b"\r\n" + line.encode("latin-1")) is not None


@pytest.mark.parametrize(
    "opening", [b"EHLO x\r\n", b"GET / HTTP/1.1\n\n", b"SSH-2.0-x\r\n", b"GET  / HTTP/1.1\r\nA"]
)
def test_hopeless_openings(opening: bytes) -> None:
    assert hygiene.opening_problem(opening) is not None


@pytest.mark.parametrize("opening", [b"", b"GET", b"GET / HTTP/1.1\r", b"GET / HTTP/1.1\r\nHos"])
def test_openings_that_may_become_a_request(opening: bytes) -> None:
    assert hygiene.opening_problem(opening) is None


def test_nominated_headers_are_dropped_but_never_framing() -> None:
    fields = [
        (b"Connection", b"X-A, close, Content-Length"),
        (b"x-a", b"1"),
        (b"Content-Length", b"3"),
        (b"B", b"2"),
    ]
    kept = hygiene.forwarded(fields, websocket=False)
    assert kept == [(b"Content-Length", b"3"), (b"B", b"2"), (b"Connection", b"close")]


def test_te_keeps_trailers_alone() -> None:
    assert hygiene.forwarded([(b"TE", b"gzip, Trailers")], websocket=False) == [(b"te", b"trailers")]


UPGRADE = [
    (b"Connection", b"keep-alive, Upgrade"),
    (b"Upgrade", b"WebSocket"),
    (b"Sec-WebSocket-Version", b"13"),
    (b"Sec-WebSocket-Key", b"x"),
]


def test_a_websocket_upgrade() -> None:
    assert hygiene.is_websocket_upgrade("GET", UPGRADE)
    assert (b"Upgrade", b"websocket") in hygiene.forwarded(UPGRADE, websocket=True)


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("POST", UPGRADE),
        ("GET", UPGRADE[1:]),
        ("GET", [*UPGRADE, (b"Upgrade", b"h2c")]),
        ("GET", [*UPGRADE[:1], (b"Upgrade", b"websocket, h2c"), *UPGRADE[2:]]),
        ("GET", [*UPGRADE[:2], (b"Sec-WebSocket-Version", b"8"), *UPGRADE[3:]]),
        ("GET", UPGRADE[:3]),
    ],
)
def test_what_is_no_websocket_upgrade(method: str, fields: list[tuple[bytes, bytes]]) -> None:
    assert not hygiene.is_websocket_upgrade(method, fields)


def test_an_upgrade_to_anything_else_is_dropped() -> None:
    fields = [(b"Connection", b"Upgrade, HTTP2-Settings"), (b"Upgrade", b"h2c"), (b"HTTP2-Settings", b"x")]
    assert hygiene.forwarded(fields, websocket=False) == []
