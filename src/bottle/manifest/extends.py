"""`extends`: a bottle and its ancestors become one bottle.

env                      by key, the child wins
git-gate.user            per field, a non-empty field of the child wins
git-gate.repos           by upstream host, the child wins; an explicit {} clears
agent_provider, egress, supervise, resources, budget
                         replaced whole where the child declares them
"""

from collections.abc import Callable, Collection

import attrs
from attrs import frozen

from bottle.manifest.problems import InvalidManifestError, KeyPath, Location, Places, did_you_mean, quoted
from bottle.manifest.schema import BottleManifest, GitGate, GitRepo, GitUser

Load = Callable[[str], BottleManifest]
_WHOLE = ("agent_provider", "egress", "supervise", "resources", "budget")


def lineage(name: str, load: Load, known: Collection[str]) -> tuple[BottleManifest, ...]:
    """The bottle and its ancestors, child first.

    `load` gives a bottle that is `known`. Raises InvalidManifestError, pointing at the `extends` in
    question, for an unknown parent, a bottle that extends itself, or a cycle.
    """
    chain = [load(name)]
    while (parent := chain[-1].extends) is not None:
        names = [bottle.name for bottle in chain]
        where = chain[-1].places
        if parent == names[-1]:
            raise where.error("extends", message=f"the bottle {quoted(parent)} extends itself")
        if parent in names:
            cycle = " -> ".join([*names[names.index(parent) :], parent])
            raise where.error("extends", message=f"a cycle: {cycle}")
        if parent not in known:
            raise unknown_bottle(parent, known, where.at("extends"), ("extends",))
        chain.append(load(parent))
    return tuple(chain)


def unknown_bottle(name: str, known: Collection[str], at: Location, path: KeyPath) -> InvalidManifestError:
    """The error for a bottle that does not exist, pointing at the key that names it."""
    listed = (
        f"known bottles: {', '.join(sorted(known))}" if known else "there is no bottle yet; run `bottle init`"
    )
    hint = did_you_mean(name, known) or listed
    return InvalidManifestError.of(at, f"unknown bottle {quoted(name)}", path=path, hint=hint)


def flatten(chain: tuple[BottleManifest, ...]) -> BottleManifest:
    """One bottle out of a lineage; it keeps the child's name and `extends`."""
    merged = chain[-1]
    for child in reversed(chain[:-1]):
        merged = merge(merged, child)
    return merged


def merge(parent: BottleManifest, child: BottleManifest) -> BottleManifest:
    replaced = {key: getattr(child if key in child.declared else parent, key) for key in _WHOLE}
    repos = _repos(parent, child)
    return BottleManifest(
        name=child.name,
        extends=child.extends,
        env={**parent.env, **child.env},
        git_gate=GitGate(user=overlay(parent.git_gate.user, child.git_gate.user), repos=repos),
        declared=parent.declared | child.declared,
        places=_Merge(parent=parent, child=child).places(repos),
        **replaced,
    )


def overlay(below: GitUser, above: GitUser) -> GitUser:
    """Per field: what `above` gives, else what `below` gives."""
    return GitUser(name=above.name or below.name, email=above.email or below.email)


def _repos(parent: BottleManifest, child: BottleManifest) -> dict[str, GitRepo]:
    own = child.git_gate.repos
    if "git-gate.repos" in child.declared and not own:
        return {}
    hosts = {repo.host for repo in own.values()}
    kept = {name: repo for name, repo in parent.git_gate.repos.items() if repo.host not in hosts}
    return {**kept, **own}


@frozen(kw_only=True)
class _Merge:
    parent: BottleManifest
    child: BottleManifest

    def places(self, repos: dict[str, GitRepo]) -> Places:
        """Each value's place in the file that it came from."""
        inherited = {
            path: location
            for path, location in self.parent.places.locations.items()
            if path and self._inherits(path, repos)
        }
        return Places({**inherited, **self.child.places.locations})

    def _inherits(self, path: KeyPath, repos: dict[str, GitRepo]) -> bool:
        if path[0] in _WHOLE:
            return path[0] not in self.child.declared
        if path[:2] == ("git-gate", "repos") and len(path) > 2:
            return repos.get(str(path[2])) is self.parent.git_gate.repos[str(path[2])]
        if path[:2] == ("git-gate", "user") and len(path) > 2:
            return not attrs.asdict(self.child.git_gate.user)[str(path[2])]
        return True
