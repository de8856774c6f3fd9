"""Whether what was found in a request bars it, by the route it would leave by; and noise in its names.

`block` bars what is found, `warn` lets it pass and says so, `off` looks for honeytokens alone: those bar
a request whatever the route says, save on the route they belong to. Nothing here needs a compiled package:
`bottle why` asks it, too.
"""

from attrs import evolve, frozen

from bottle_sidecar.policy.decide import Request, Rule, Verdict
from bottle_sidecar.policy.dlp.entropy import host_finding, target_finding
from bottle_sidecar.policy.dlp.findings import Depth, Finding
from bottle_sidecar.policy.document import Dlp, Route

BAIT = "decoy:"
"""How the owner of a decoy credential starts; the rest says where it lies in the bottle."""


@frozen(kw_only=True)
class Handling:
    """How a route's requests are scanned. `own`: whose honeytokens belong there, by what they stand in."""

    action: Dlp = Dlp.OFF
    depth: Depth = Depth.KNOWN
    own: frozenset[str] = frozenset()
    own_in_body: frozenset[str] = frozenset()

    @classmethod
    def of(cls, route: Route | None, honeytokens: frozenset[str]) -> "Handling":
        """On the provider's API, with the operator's own account, the agent may speak of what it sees."""
        if route is None:
            return cls()
        own = frozenset() if route.auth is None else frozenset({route.auth.token_ref})
        known_only = route.provider_api and route.dlp is None
        return cls(
            action=Dlp.BLOCK if route.dlp is None else route.dlp,
            depth=Depth.KNOWN if known_only else Depth.FULL,
            own=own,
            own_in_body=honeytokens if route.provider_api and own else own,
        )


def judge_names(verdict: Verdict, request: Request) -> Verdict:
    """The verdict after a look at names that look random: host labels, path segments, query values.

    A host is looked at where a wildcard lets the agent choose it.
    """
    if not verdict.allowed or verdict.route is None or verdict.host is None:
        return verdict
    handling = Handling.of(verdict.route, frozenset())
    if handling.action is Dlp.OFF or handling.depth is not Depth.FULL:
        return verdict
    found = _in_host(verdict.route, verdict.host) or target_finding(request.target)
    return verdict if found is None else with_finding(verdict, found)


def judge_host(verdict: Verdict, host: str) -> Verdict:
    """The same for a connection that is not looked into."""
    found = _in_host(verdict.route, host) if verdict.allowed and verdict.route is not None else None
    return verdict if found is None else barred(verdict, found)


def with_finding(verdict: Verdict, finding: Finding) -> Verdict:
    """What a route's `dlp` makes of a finding that is no honeytoken's."""
    action = Handling.of(verdict.route, frozenset()).action
    return evolve(verdict, finding=finding) if action is Dlp.WARN else barred(verdict, finding)


def barred(verdict: Verdict, finding: Finding) -> Verdict:
    """The refusal for a finding. Of what holds the secret itself it shows nothing."""
    return evolve(
        verdict,
        allowed=False,
        rule=Rule.HONEYTOKEN if finding.honeytoken else Rule.SECRET,
        reason=_reason(finding),
        hint=None,
        path=None if finding.place == "url" else verdict.path,
        host=_without_name(verdict) if finding.place == "host" else verdict.host,
        finding=finding,
    )


def unreadable(verdict: Verdict, problem: str) -> Verdict:
    """The refusal of a body that the scan cannot look into."""
    reason = f"The request's body cannot be searched for secrets: {problem}."
    return evolve(verdict, allowed=False, rule=Rule.UNREADABLE, reason=reason, hint=None)


def _in_host(route: Route, host: str) -> Finding | None:
    return host_finding(host) if route.host.startswith("*.") else None


def _without_name(verdict: Verdict) -> str | None:
    return None if verdict.route is None else verdict.route.host


def _reason(finding: Finding) -> str:
    place = "URL" if finding.place == "url" else finding.place
    owner = finding.owner or ""
    if finding.honeytoken and owner.startswith(BAIT):
        return f"Its {place} carries the decoy credential of {owner.removeprefix(BAIT)}."
    if finding.honeytoken:
        return f"Its {place} carries the placeholder of {owner}, which belongs to another host."
    return f"Its {place} holds what must not leave the bottle (rule {finding.rule})."
