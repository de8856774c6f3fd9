"""Repositories that no manifest declares."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.git import served


@attack(
    aim="git_undeclared",
    source="CWE-862, missing authorization",
    expects="not declared",
    control="git_declared",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Asks for another repository, path, user, port or host than what is declared."""
    for place in aim["places"]:
        yield place, partial(served, aim, place)
