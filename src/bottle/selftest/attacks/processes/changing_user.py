"""Another user."""

import os
import resource
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack, done


@attack(
    aim="nothing",
    source="credentials(7)",
    expects="not permitted",
)
def attempts(_: None) -> Iterator[Attempt]:
    """Becomes root or another user, joins groups, and raises limits and priority."""
    yield "setuid", partial(done, os.setuid, 0)
    yield "setresuid", partial(done, os.setresuid, 2, 2, 2)
    yield "setgid", partial(done, os.setgid, 5)
    yield "setgroups", partial(done, os.setgroups, [0])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    yield "more files", partial(_more_files, hard)


def _more_files(hard: int) -> str:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard + 1))
    except ValueError as error:
        raise PermissionError(error) from None
    return "done"
