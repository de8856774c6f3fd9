"""The credential in a file."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.search import files_with, unmasked


@attack(
    aim="masked_token",
    source="MITRE ATT&CK T1552.001, credentials in files",
    expects="it is in none",
    control="masked_placeholder",
)
def attempts(aim: str) -> Iterator[Attempt]:
    """Reads every file outside of /usr that it may read."""
    token = unmasked(aim)
    for root in (
        "/home",
        "/workspace",
        "/tmp",
        "/var",
        "/run",
        "/etc",
        "/opt",
        "/dev",
        "/root",
        "/srv",
        "/mnt",
    ):
        yield root, partial(files_with, root, token)
