"""Runs the attacks of a claim on a live bottle, then their controls, and keeps what came of both."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from attrs import Factory, define, field, frozen

from attacks.facts import Host
from attacks.kit import Attack, attacks_of
from attacks.range import LiveBottle, Report, attack_without_a_bottle
from support.sites import Site
from support.upstreams import Upstream

CLAIMS = tuple(
    f"attacks.claims.{name}"
    for name in ("addresses", "sockets", "proxy", "requests", "credentials", "files", "processes", "kernel")
)
_FORBIDDEN = b"forbidden"


@frozen(kw_only=True)
class Assault:
    """An attack and the claim it tries to break."""

    claim: str
    attack: Attack

    @property
    def says(self) -> str:
        """The claim, in words."""
        return (import_module(self.claim).__doc__ or "").partition("\n")[0]

    def __str__(self) -> str:
        return f"{self.claim.rpartition('.')[2]}.{self.attack.name}"


def assaults() -> list[Assault]:
    return [
        Assault(claim=claim, attack=found) for claim in CLAIMS for found in attacks_of(import_module(claim))
    ]


@frozen(kw_only=True)
class Aftermath:
    """`witnesses`: what the host saw of the claim's attacks that it should not have seen."""

    attacks: Mapping[str, Report]
    controls: Mapping[str, Report]
    witnesses: Sequence[str]


@define(kw_only=True)
class Range:
    """A live bottle and all around it. Each claim's attacks run once, when the first of them is asked for.

    `outside`: what came of the controls that need no bottle, which all back-ends share.
    """

    site: Site
    host: Host
    bottle: LiveBottle
    facts: Mapping[str, Any] = field(repr=False)
    upstreams: Sequence[Upstream] = field(repr=False)
    outside: dict[tuple[str, str], Report] = field(repr=False)
    _done: dict[str, Aftermath] = field(default=Factory(dict), init=False, repr=False)

    def aftermath(self, claim: str) -> Aftermath:
        if claim not in self._done:
            self._done[claim] = self._run(claim)
        return self._done[claim]

    def again(self, claim: str) -> Aftermath:
        """A second time: what came from elsewhere on this machine the first time does not come twice."""
        del self._done[claim]
        return self.aftermath(claim)

    def _run(self, claim: str) -> Aftermath:
        found = [one for one in attacks_of(import_module(claim)) if self.site.backend not in one.spared]
        visits, seen = self.host.decoys.visits, [len(upstream.requests) for upstream in self.upstreams]
        attacks = self.bottle.attack(claim, {one.name: self.facts[one.aim] for one in found})
        witnesses = self._witnessed(visits, seen)
        inside = {one.name: self.facts[one.control] for one in found if not one.outside}
        controls = {**self.bottle.attack(claim, inside), **self._outside(claim, found)}
        return Aftermath(attacks=attacks, controls=controls, witnesses=witnesses)

    def _outside(self, claim: str, found: Sequence[Attack]) -> dict[str, Report]:
        names = {one.name: one.control for one in found if one.outside}
        missing = {
            name: self.facts[fact] for name, fact in names.items() if (claim, name) not in self.outside
        }
        for name, report in attack_without_a_bottle(claim, missing).items():
            self.outside[claim, name] = report
        return {name: self.outside[claim, name] for name in names}

    def _witnessed(self, visits: int, seen: Sequence[int]) -> list[str]:
        came = self.host.decoys.visits - visits
        told = [f"{came} connections came to services of the host"] if came else []
        for upstream, before in zip(self.upstreams, seen, strict=True):
            told += [f"{one.method} {one.target} reached an upstream" for one in upstream.requests[before:]
                     if _FORBIDDEN in f"{one.target} {one.headers}".encode() + one.body]  # fmt: skip
        return told
