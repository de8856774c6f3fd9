"""The placeholder sent elsewhere."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.search import ask


@attack(
    aim="placeholder_elsewhere",
    source="CWE-441, confused deputy",
    expects="refused with 403",
    control="placeholder_at_home",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends the placeholder to a granted host that does not own it, to have it replaced there."""
    proxy, host, placeholder = aim
    places = {
        "Authorization": ("/v1", f"Authorization: Bearer {placeholder}\r\n"),
        "another header": ("/v1", f"X-Key: {placeholder}\r\n"),
        "path": (f"/v1/{placeholder}", ""),
        "query": (f"/v1?key={placeholder}", ""),
    }
    for what, (path, line) in places.items():
        yield what, partial(_passed, proxy, host, path, line)


def _passed(proxy: list[Any], host: str, path: str, line: str) -> str | None:
    return "passed on" if ask(proxy, host, path, line)[0] == b"200" else None
