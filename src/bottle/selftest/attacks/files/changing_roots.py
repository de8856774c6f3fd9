"""A change of root."""

import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack, done


@attack(
    aim="nothing",
    source="chroot(2), notes on escapes",
    expects="not permitted",
)
def attempts(_: None) -> Iterator[Attempt]:
    """Changes its root, the first half of the classic escape."""
    yield "/", partial(done, os.chroot, "/")
    yield "/tmp", partial(done, os.chroot, "/tmp")
