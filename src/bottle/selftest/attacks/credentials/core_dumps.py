"""Core dumps."""

import resource
from collections.abc import Iterator

from bottle.selftest.kit import Attempt, attack


@attack(
    aim="nothing",
    source="CVE-2025-4598 (a crash dump gave away secrets); core(5)",
    expects="the limit stays 0",
)
def attempts(_: None) -> Iterator[Attempt]:
    """Asks for core dumps, of itself or of a program that is started for it."""
    yield "raising the limit", _raise_limit


def _raise_limit() -> str | None:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))
    except ValueError as error:
        raise PermissionError(error) from None
    return "raised"
