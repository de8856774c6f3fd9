"""The credential in an environment or in arguments."""

import os
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.search import processes_with, unmasked


@attack(
    aim="masked_token",
    source="proc_pid_environ(5); MITRE ATT&CK T1552",
    expects="it is in none",
    control="masked_placeholder",
)
def attempts(aim: str) -> Iterator[Attempt]:
    """Searches the environment and the arguments of every process, and its own."""
    token = unmasked(aim)
    own = [name for name, value in os.environb.items() if token in value]
    yield "own environment", partial(list, own)
    for part in ("environ", "cmdline", "auxv", "comm"):
        yield part, partial(processes_with, part, token)
