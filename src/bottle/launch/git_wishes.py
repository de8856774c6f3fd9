"""What the manifests say about git: whose commits they are, and where they may go."""

from attrs import frozen

from bottle.manifest.schema import AgentManifest, BottleManifest
from bottle.plan import GitIdentity, GitIdentityField, Provenance
from bottle_sidecar.policy.gate import GateRepo, PushRules


@frozen(kw_only=True)
class GitWishes:
    agent: AgentManifest
    bottle: BottleManifest

    @property
    def identity(self) -> GitIdentity:
        """Field by field, the agent's before the bottle's."""
        over, under = self.agent.git_user, self.bottle.git_gate.user
        return GitIdentity(name=_chosen(over.name, under.name), email=_chosen(over.email, under.email))

    @property
    def upstreams(self) -> tuple[GateRepo, ...]:
        return tuple(
            GateRepo(
                name=repo.name,
                user=repo.user,
                host=repo.host,
                port=repo.port,
                path=repo.path,
                host_key=repo.host_key,
                push=repo.push or PushRules(),
            )
            for repo in self.bottle.git_gate.repos.values()
        )


def _chosen(agent: str | None, bottle: str | None) -> GitIdentityField | None:
    if agent:
        return GitIdentityField(value=agent, provenance=Provenance.AGENT)
    return GitIdentityField(value=bottle, provenance=Provenance.BOTTLE) if bottle else None
