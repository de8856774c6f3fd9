"""HTTP/2 floods take no memory; that others are served meanwhile is tried by `bottle selftest`."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import repeat
from pathlib import Path

import pytest

from bottle.selftest.attacks.floods import header_bombs, http2_frames
from bottle.selftest.probes.http2 import OPENING, PING, frame
from support.egress import Begin, MakeRoute, Serve
from support.sidecar import Sidecar

HOST = "api.test"
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


def memory(sidecar: Sidecar) -> int:
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{sidecar.process.pid}/status").read_text().splitlines()
    )
    return int(fields["VmHWM"].split()[0]) * 1024
