"""The processes that hold the credential."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.search import processes_with


@attack(
    aim="sidecar_words",
    source="MITRE ATT&CK T1057, process discovery",
    expects="none is seen",
    control="own_words",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Looks for the sidecar, its launcher and the operator's program among the processes."""
    for word in aim:
        yield repr(word), partial(processes_with, "cmdline", word.encode())
