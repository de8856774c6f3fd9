"""Capabilities."""

from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.calls import libc


@attack(
    aim="nothing",
    source="CVE-2022-24769 (inheritable capabilities in containers); capabilities(7)",
    expects="all sets are empty",
)
def attempts(_: None) -> Iterator[Attempt]:
    """Looks for a capability in any of its sets, and for a way to get one by running a program."""
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        yield name, partial(_any_of, name)
    yield "no_new_privs is off", _may_gain


def _any_of(name: str) -> str | None:
    found = _status(name) or "0"
    return found if int(found, 16) else None


def _may_gain() -> str | None:
    return None if libc.prctl(39, 0, 0, 0, 0) == 1 else "it may"


def _status(name: str) -> str | None:
    with open("/proc/self/status") as file:
        return next((line.split()[1] for line in file if line.startswith(f"{name}:")), None)
