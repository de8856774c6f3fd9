"""HTTP/2 floods take no memory; that others are served meanwhile is tried by `bottle selftest`."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice, repeat
from pathlib import Path

import pytest
from h2.errors import ErrorCodes

from bottle.selftest.attacks.floods import header_bombs, http2_frames
from bottle.selftest.probes.http2 import OPENING, PING, frame, frames
from bottle_sidecar.egress.http2 import PARDONED
from support.egress import Begin, MakeRoute, Serve
from support.http2_client import Http2Client
from support.sidecar import Sidecar

HOST = "api.test"
GOAWAY = 7
BOUND = 48 * 1024 * 1024  # bytes that the sidecar may grow by
_FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {
    "rapid reset": http2_frames.resets,
    "CONTINUATION": http2_frames.continuations,
    "HPACK": header_bombs.bomb,
    "PING": lambda: repeat(frame(PING, 0, 0, b"12345678"), 100_000),
}


@pytest.mark.parametrize("flood", _FLOODS.values(), ids=_FLOODS)
def test_a_flood_takes_no_memory(
    start: Begin, serve: Serve, to: MakeRoute, flood: Callable[[], Iterator[bytes]]
) -> None:
    """The connection stays open meanwhile, and its answers are not read."""
    sidecar = start(to(HOST, serve(HOST)))
    assert sidecar.request(HOST).status == 200
    before = memory(sidecar)

    with sidecar.secure(HOST, alpn=["h2"]) as connection:
        with suppress(OSError, ssl.SSLError):
            connection.sendall(OPENING)
            for piece in flood():
                connection.sendall(piece)
        assert sidecar.request(HOST).status == 200
        assert memory(sidecar) - before < BOUND


def test_who_only_begins_requests_is_hung_up_on(start: Begin, serve: Serve, to: MakeRoute) -> None:
    sidecar = start(to(HOST, serve(HOST)))
    flood = b"".join(islice(http2_frames.resets(), PARDONED + 10))
    with sidecar.secure(HOST, alpn=["h2"]) as connection:
        connection.sendall(OPENING + flood)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    *_, (kind, _, payload) = frames(answer)

    assert (kind, payload[4:8]) == (GOAWAY, ErrorCodes.ENHANCE_YOUR_CALM.to_bytes(4, "big"))
    assert sidecar.request(HOST).status == 200


def test_who_lets_requests_end_may_break_off_as_many(start: Begin, serve: Serve, to: MakeRoute) -> None:
    sidecar = start(to(HOST, serve(HOST)))
    with sidecar.secure(HOST, alpn=["h2"]) as connection:
        client = Http2Client(connection)
        for _ in range(PARDONED + 10):
            assert client.request(HOST).status == 200
            number = client.begin(
                [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/")]
            )
            client.connection.reset_stream(number)
            client.flush()

        assert client.request(HOST).status == 200


def memory(sidecar: Sidecar) -> int:
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{sidecar.process.pid}/status").read_text().splitlines()
    )
    return int(fields["VmHWM"].split()[0]) * 1024
