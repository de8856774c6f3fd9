"""More of the processors."""

import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack, done
from bottle.selftest.probes.processes import SENTRY


@attack(
    aim="nothing",
    source="setpriority(2)",
    expects="not permitted",
    spared=SENTRY,
    root_control=True,
)
def attempts(_: None) -> Iterator[Attempt]:
    """Takes more of the processors than others get."""
    yield "priority", partial(done, os.setpriority, os.PRIO_PROCESS, 0, -5)
