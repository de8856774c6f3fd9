"""Much on one connection, and whether another is still served."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

from bottle.selftest.probes.search import ask
from bottle.selftest.probes.shots import HOST, opened

_PATIENCE = 60  # seconds: that it is answered is promised, not how soon
MOST = 8 * 1024 * 1024
"""Bytes of one flood."""


def unserved(
    proxy: Sequence[Any], flood: Iterable[bytes], *, alpn: Sequence[str] = ("h2",), clear: bool = False
) -> str | None:
    """Keeps the flooded connection open meanwhile. Tells where an honest request is not answered with 200."""
    address = (proxy[0], proxy[1])
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            stream = opened(stack, address, connect=None if clear else HOST + b":443", alpn=alpn)
            if stream is not None:
                _pour(stream, flood)
        try:
            status, _, _ = ask(list(proxy), HOST.decode(), "/v1/permitted", seconds=_PATIENCE)
        except (OSError, ValueError) as error:
            return f"another request failed: {error!r}"
        return None if status == b"200" else f"another request was answered with {status!r}"


def _pour(stream: Any, flood: Iterable[bytes]) -> None:
    """Until it is over, or cut."""
    poured = 0
    for piece in flood:
        stream.sendall(piece)
        poured += len(piece)
        if poured > MOST:
            break
