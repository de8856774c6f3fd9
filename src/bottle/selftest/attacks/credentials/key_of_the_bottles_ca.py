"""The private key of the bottle's CA."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.search import files_with


@attack(
    aim="private_keys",
    source="MITRE ATT&CK T1552.004, private keys",
    expects="there is none",
    control="certificates",
)
def attempts(aim: tuple[str, list[str]]) -> Iterator[Attempt]:
    """Looks for a private key, with which it could impersonate any host to other programs."""
    kind, roots = aim
    for root in roots:
        yield root, partial(files_with, root, _begin(kind))


def _begin(kind: str) -> bytes:
    return f"-----BEGIN {kind}-----".encode()
