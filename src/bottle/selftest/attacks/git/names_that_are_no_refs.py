"""Names that are no refs."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.git import created, fresh, packed


@attack(
    aim="git_bad_names",
    source="git-check-ref-format(1); CVE-2024-52005 (control characters in a terminal)",
    expects="not a valid ref name",
    control="git_good_names",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Pushes to names with control characters, spaces, dots and globs, and outside of refs/."""
    for name in aim["names"]:
        ref = fresh(name) if aim["suffixed"] else name
        yield repr(name), partial(created, aim, ref, aim["head"], packed())
