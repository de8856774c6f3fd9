"""Ways out of the declared path."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.git import served


@attack(
    aim="git_spellings",
    source="CWE-22; CVE-2022-24348 (a way out of the repositories of a deployment server)",
    expects="not declared",
    control="git_declared",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Walks out of the declared path: dot segments, plain and encoded, backslashes, NUL, line ends."""
    for place in aim["places"]:
        yield place, partial(served, aim, place)
