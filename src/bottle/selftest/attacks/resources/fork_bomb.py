"""Fork bombs."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.resources import child, more_than


@attack(
    aim="small_pids",
    source="fork bomb; MITRE ATT&CK T1499.001, OS exhaustion flood",
    expects="fork fails at resources.pids",
    control="few_pids",
    outside=True,
    every=True,
    alone=True,
    expendable=True,
)
def attempts(aim: int) -> Iterator[Attempt]:
    """Starts more processes than it may have: living ones, and dead ones that nobody waits for."""
    yield "processes that sleep", partial(more_than, aim, partial(child, ends=False))
    yield "processes that have ended", partial(more_than, aim, partial(child, ends=True))
