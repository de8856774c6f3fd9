"""Running out of descriptors."""

import os
import resource
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.resources import more_than


@attack(
    aim="most_open_files",
    source="setrlimit(2), RLIMIT_NOFILE; CWE-774",
    expects="EMFILE",
    control="few_open_files",
    outside=True,
    alone=True,
    expendable=True,
)
def attempts(aim: int) -> Iterator[Attempt]:
    """Raises its limit as far as it may, and opens more files than one process is granted."""
    yield "open files", partial(_opened, aim)


def _opened(most: int) -> str:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return more_than(most, partial(os.open, "/dev/null", os.O_RDONLY))
