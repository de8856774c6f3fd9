"""A push of very many refs."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.git import fresh, packed, push


@attack(
    aim="git_many_refs",
    source="CWE-770, allocation without limits",
    expects="refused: too many bytes of orders",
    control="git_few_refs",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Orders more refs at once than any program needs."""
    yield f"{aim['count']} refs", partial(_ordered, aim)


def _ordered(aim: Any) -> str | None:
    name = fresh(aim["ref"])
    answer, count = push(aim, [(f"{name}-{number}", aim["head"]) for number in range(aim["count"])], packed())
    return f"{count} created: {answer[:200]!r}" if count else None
