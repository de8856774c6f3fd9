"""Options and transports in the place of a repository."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.git import served


@attack(
    aim="git_tricks",
    source="CVE-2017-1000117 (ssh:// with a dash); git-remote-ext(1)",
    expects="not declared",
    control="git_declared",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Names an option, a shell's words, or a transport that starts programs instead of a repository."""
    for place in aim["places"]:
        yield place, partial(served, aim, place)
