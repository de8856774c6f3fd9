"""Finds and loads the manifests of the home directory and of the current one.

The trust boundary: bottles, which carry credentials, hosts and git remotes, come from the home
directory only. Agents may come from the current directory, which may be a cloned repository; such an
agent is marked, and none of its files may lead out of that directory.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from attrs import define, field, frozen

from bottle.errors import EnvironmentLacksError, ManifestError
from bottle.manifest.extends import flatten, lineage, unknown_bottle
from bottle.manifest.files import Folder, is_file, is_folder
from bottle.manifest.problems import InvalidManifestError, KeyPath, Location, Problem, did_you_mean, quoted
from bottle.manifest.schema import AgentManifest, BottleManifest
from bottle.manifest.structure import Structurer
from bottle.paths import Paths
from bottle.plan import Trust

_OLD_FILE = "bot-bottle.json"
_MOVE_HINT = (
    "the format is now one Markdown file each: make ~/.bot-bottle/bottles/<name>.md and "
    "~/.bot-bottle/agents/<name>.md (`bottle init` writes a first pair), carry its settings over, "
    "and remove the old file"
)


@frozen(kw_only=True)
class LoadedAgent:
    """`file` is the one that was read; `trust` says whether it is the operator's own."""

    file: Path
    trust: Trust
    manifest: AgentManifest
    warnings: tuple[Problem, ...] = ()


@frozen(kw_only=True)
class LoadedBottle:
    """`manifest` has all that it extends merged in; `chain` is the files it came from, its own first."""

    file: Path
    manifest: BottleManifest
    chain: tuple[Path, ...]
    warnings: tuple[Problem, ...] = ()


@frozen(kw_only=True)
class ListedAgent:
    """An agent in a listing: either `loaded`, or broken with `error`."""

    name: str
    file: Path
    trust: Trust
    loaded: LoadedAgent | None = None
    error: ManifestError | None = None


@frozen(kw_only=True)
class ListedBottle:
    """A bottle in a listing: either `loaded`, or broken with `error`."""

    name: str
    file: Path
    loaded: LoadedBottle | None = None
    error: ManifestError | None = None


@frozen(kw_only=True)
class AgentListing:
    entries: tuple[ListedAgent, ...]
    warnings: tuple[Problem, ...] = ()


@frozen(kw_only=True)
class BottleListing:
    entries: tuple[ListedBottle, ...]
    warnings: tuple[Problem, ...] = ()


@frozen(kw_only=True)
class _Found:
    folder: Folder
    trust: Trust


class ManifestKind(StrEnum):
    AGENT = "agent"
    BOTTLE = "bottle"


@define(slots=False)
class Catalog:
    """The manifests as they were when first looked at.

    `templates`: the known agent providers, if known. `drafts`: contents that count in place of what is in
    the files, to see what they would mean.
    """

    paths: Paths
    templates: Collection[str] | None = field(default=None, kw_only=True)
    drafts: Mapping[Path, bytes] = field(factory=dict, kw_only=True, repr=False)

    def at(self, paths: Paths) -> "Catalog":
        """The same, looked at from another current directory."""
        return Catalog(paths, templates=self.templates, drafts=self.drafts)

    def agent(self, name: str) -> LoadedAgent:
        """Raises InvalidManifestError for a broken file, ManifestError for an unknown agent."""
        self._require_home()
        found = self._agents.get(name)
        if found is None:
            raise self._unknown_agent(name)
        return self._load_agent(name, found)

    def bottle(self, name: str, *, named_at: Location | None = None, path: KeyPath = ()) -> LoadedBottle:
        """The bottle, merged. `named_at` and `path`: the key that asked for it, for the error.

        Raises InvalidManifestError for an unknown bottle and for a broken file anywhere in its chain.
        """
        self._require_home()
        if name not in self._bottles.files:
            raise self._unknown_bottle(name, named_at, path)
        warnings: list[Problem] = []
        chain = lineage(name, lambda each: self._read_bottle(each, warnings), self._bottles.files)
        return LoadedBottle(
            file=self._bottles.files[name],
            manifest=flatten(chain),
            chain=tuple(self._bottles.files[each.name] for each in chain),
            warnings=(*self._bottle_warnings, *warnings),
        )

    def bottle_of(self, agent: LoadedAgent) -> LoadedBottle:
        """The bottle that an agent names; where it is unknown, the error points at the agent's file."""
        manifest = agent.manifest
        return self.bottle(manifest.bottle, named_at=manifest.places.at("bottle"), path=("bottle",))

    def folder(self, kind: ManifestKind, name: str) -> Folder:
        """Where the manifest is, be it valid or not. Raises ManifestError for an unknown name."""
        self._require_home()
        if kind is ManifestKind.BOTTLE:
            if name not in self._bottles.files:
                raise self._unknown_bottle(name, None, ())
            return self._bottles
        if name not in self._agents:
            raise self._unknown_agent(name)
        return self._agents[name].folder

    def names(self, kind: ManifestKind) -> Iterable[str]:
        """Of every manifest of this kind, valid or not, sorted."""
        return sorted(self._bottles.files if kind is ManifestKind.BOTTLE else self._agents)

    def check(self, kind: ManifestKind, name: str) -> tuple[Problem, ...]:
        """What is doubtful about a manifest and what it names. Raises ManifestError where one is broken."""
        if kind is ManifestKind.BOTTLE:
            return self.bottle(name).warnings
        agent = self.agent(name)
        return (*agent.warnings, *self.bottle_of(agent).warnings)

    def agents(self) -> AgentListing:
        """Every agent that `agent` would find; broken ones with their error."""
        self._require_home()
        entries = tuple(self._list_agent(name, found) for name, found in sorted(self._agents.items()))
        return AgentListing(entries=entries, warnings=self._agent_warnings)

    def bottles(self) -> BottleListing:
        """Every bottle; broken ones with their error."""
        self._require_home()
        entries = tuple(self._list_bottle(name) for name in sorted(self._bottles.files))
        return BottleListing(entries=entries, warnings=self._bottle_warnings)

    @cached_property
    def structurer(self) -> Structurer:
        return Structurer(user_home=self.paths.user_home, cwd=self.paths.cwd, templates=self.templates)

    @cached_property
    def _bottles(self) -> Folder:
        return Folder.scan(self.paths.bottles, drafts=self.drafts)

    @cached_property
    def _home_agents(self) -> Folder:
        return Folder.scan(self.paths.agents, drafts=self.drafts)

    @cached_property
    def _cwd_agents(self) -> Folder:
        if self._cwd_is_home:
            return Folder(path=self.paths.cwd_agents)
        return Folder.scan(self.paths.cwd_agents, confined_to=self.paths.cwd, drafts=self.drafts)

    @cached_property
    def _agents(self) -> Mapping[str, _Found]:
        """By name; the current directory's wins."""
        home = {name: _Found(folder=self._home_agents, trust=Trust.HOME) for name in self._home_agents.files}
        cwd = {name: _Found(folder=self._cwd_agents, trust=Trust.CWD) for name in self._cwd_agents.files}
        return home | cwd

    @property
    def _cwd_folder(self) -> Path:
        return self.paths.cwd / ".bot-bottle"

    @cached_property
    def _cwd_is_home(self) -> bool:
        """Whether the current directory's `.bot-bottle` is the operator's own."""
        return is_folder(self._cwd_folder) and self._cwd_folder.samefile(self.paths.manifests)

    @property
    def _agent_warnings(self) -> tuple[Problem, ...]:
        return (*self._home_agents.skipped, *self._cwd_agents.skipped)

    @property
    def _bottle_warnings(self) -> tuple[Problem, ...]:
        ignored = self._cwd_folder / "bottles"
        if self._cwd_is_home or not is_folder(ignored):
            return self._bottles.skipped
        message = f"ignored: bottles come from {self.paths.bottles} only, never from the current directory"
        return (Problem(location=Location(file=ignored), message=message), *self._bottles.skipped)

    def _require_home(self) -> None:
        for folder in (self.paths.manifests, self._cwd_folder):
            old = folder.parent / _OLD_FILE
            if is_file(old) and not is_folder(folder):
                message = f"{_OLD_FILE} is of an old format that is no longer read"
                raise InvalidManifestError.of(Location(file=old), message, hint=_MOVE_HINT)
        if is_file(self.paths.manifests):
            message = f"{self.paths.manifests} is a file, and must be a folder"
            raise EnvironmentLacksError(message, hint="move it away, then run `bottle init`")
        if not is_folder(self.paths.manifests):
            message = f"there is no {self.paths.manifests}: nothing is set up yet"
            raise EnvironmentLacksError(message, hint="run `bottle init`")

    def _load_agent(self, name: str, found: _Found) -> LoadedAgent:
        file = found.folder.files[name]
        manifest, warnings = self.structurer.agent(name, file, found.folder.read(name))
        every = (*self._agent_warnings, *warnings)
        return LoadedAgent(file=file, trust=found.trust, manifest=manifest, warnings=every)

    def _read_bottle(self, name: str, warnings: list[Problem]) -> BottleManifest:
        manifest, doubts = self.structurer.bottle(name, self._bottles.files[name], self._bottles.read(name))
        warnings.extend(doubts)
        return manifest

    def _list_agent(self, name: str, found: _Found) -> ListedAgent:
        file, loaded, error = found.folder.files[name], None, None
        try:
            loaded = self._load_agent(name, found)
            self.bottle_of(loaded)
        except ManifestError as broken:
            error = broken
        return ListedAgent(name=name, file=file, trust=found.trust, loaded=loaded, error=error)

    def _list_bottle(self, name: str) -> ListedBottle:
        loaded, error = None, None
        try:
            loaded = self.bottle(name)
        except ManifestError as broken:
            error = broken
        return ListedBottle(name=name, file=self._bottles.files[name], loaded=loaded, error=error)

    def _unknown_agent(self, name: str) -> ManifestError:
        known = sorted(self._agents)
        listed = f"known agents: {', '.join(known)}" if known else "there is no agent yet; run `bottle init`"
        return ManifestError(f"unknown agent {quoted(name)}", hint=did_you_mean(name, known) or listed)

    def _unknown_bottle(self, name: str, named_at: Location | None, path: KeyPath) -> ManifestError:
        ignored = self._cwd_folder / "bottles" / f"{name}.md"
        if named_at is None:
            named_at = Location(file=self.paths.bottles)
        error = unknown_bottle(name, self._bottles.files, named_at, path)
        if self._cwd_is_home or not is_file(ignored):
            return error
        hint = f"{ignored} is ignored: bottles come from {self.paths.bottles} only"
        return InvalidManifestError.of(named_at, error.problems[0].message, path=path, hint=hint)
