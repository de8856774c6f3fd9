"""All memory."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack

_PIECE = 16 * 1024 * 1024


@attack(
    aim="much_memory",
    source="MITRE ATT&CK T1499, endpoint denial of service",
    expects="killed, or no more from some size on",
    control="little_memory",
    alone=True,
    spared={"gvisor": "where its memory ends, all of the bottle ends, and the selftest with it"},
)
def attempts(aim: int) -> Iterator[Attempt]:
    """Takes more memory than the bottle's limit allows, and writes to all of it."""
    yield f"{aim >> 20} MB", partial(_taken, aim)


def _taken(size: int) -> str:
    try:
        taken = [b"x" * _PIECE for _ in range(0, size, _PIECE)]
    except MemoryError as error:
        raise OSError(error) from None
    return f"{len(taken) * _PIECE >> 20} MB"
