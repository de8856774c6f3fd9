"""A server that gives the credential back."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.search import ask, unmasked


@attack(
    aim="echoes",
    source="CWE-201; cross-site tracing, J. Grossman 2003",
    expects="masked in the answer",
    control="open_echoes",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Lets a granted server send the injected credential back: as body, as header, in pieces."""
    proxy, host, masked = aim
    token = unmasked(masked)
    for path in ("/v1/echo", "/v1/echo-header", "/v1/echo-pieces"):
        yield path, partial(_sent_back, token, proxy, host, path)


def _sent_back(token: bytes, proxy: list[Any], host: str, path: str) -> str | None:
    return "sent back" if token in b"".join(ask(proxy, host, path)) else None
