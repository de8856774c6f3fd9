"""The operator's files."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.files import read_file


@attack(
    aim="host_files",
    source="MITRE ATT&CK T1005, data from the local system",
    expects="no such file, or not permitted",
    control="own_files",
    every=True,
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Reads files of the operator, of the program's state and cache, and of the host's administration."""
    for path in aim:
        yield path, partial(read_file, path)
