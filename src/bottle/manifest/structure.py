"""Nodes -> models. Every problem of a file is found before any is told."""

from collections.abc import Collection
from pathlib import Path

from attrs import frozen

from bottle.manifest import keys, values
from bottle.manifest.document import Document, parse
from bottle.manifest.gitgate import GitGateReader, git_user
from bottle.manifest.problems import Invalid, Problem, ProblemReport, did_you_mean, quoted
from bottle.manifest.reading import Cursor, Fields
from bottle.manifest.routes import RouteReader
from bottle.manifest.schema import (
    DEFAULT_TEMPLATE,
    AgentManifest,
    AgentProvider,
    BottleManifest,
    Budget,
    Egress,
    EnvValue,
    GitGate,
    GitUser,
    Resources,
)


@frozen(kw_only=True)
class Structurer:
    """Reads manifest files' bytes.

    `templates`: the known agent providers, None where any name will do. `cwd` is what a relative
    `dockerfile` starts from; a relative `ca_file` or `identity` starts from the manifest's own folder.
    """

    user_home: Path
    cwd: Path
    templates: Collection[str] | None = None

    def bottle(self, name: str, file: Path, data: bytes) -> tuple[BottleManifest, tuple[Problem, ...]]:
        """The bottle and what is doubtful about it. Raises InvalidManifestError."""
        report = ProblemReport(file)
        document = parse(data, report)
        model = self._bottle(name, document, report)
        report.raise_if_any()
        return model, tuple(report.warnings)

    def agent(self, name: str, file: Path, data: bytes) -> tuple[AgentManifest, tuple[Problem, ...]]:
        """The agent and what is doubtful about it. Raises InvalidManifestError."""
        report = ProblemReport(file)
        document = parse(data, report)
        model = _agent(name, document, report)
        report.raise_if_any()
        return model, tuple(report.warnings)

    def _bottle(self, name: str, document: Document, report: ProblemReport) -> BottleManifest:
        root = Cursor(node=document.root, path=(), report=report, tables=keys.BOTTLE_TABLES)
        fields = root.fields(keys.BOTTLE)
        assert fields is not None
        places = document.places()
        own_folder = values.HostPaths(user_home=self.user_home).below(document.file.parent)
        declared = frozenset(fields.values)
        if ("git-gate", "repos") in places.locations:
            declared |= {"git-gate.repos"}
        return BottleManifest(
            name=name,
            extends=fields.text("extends", values.name),
            env=fields.read("env", _env) or {},
            agent_provider=fields.read("agent_provider", self._provider) or AgentProvider(),
            git_gate=fields.read("git-gate", GitGateReader(identity=own_folder).git_gate) or GitGate(),
            egress=fields.read("egress", RouteReader(ca_file=own_folder).egress) or Egress(),
            supervise=fields.read("supervise", Cursor.boolean) or False,
            resources=fields.read("resources", _resources) or Resources(),
            budget=fields.read("budget", _budget) or Budget(),
            declared=declared,
            places=places,
        )

    def _provider(self, cursor: Cursor) -> AgentProvider | None:
        fields = cursor.fields(keys.AGENT_PROVIDER)
        if fields is None:
            return None
        template = fields.text("template", self._template)
        provider = AgentProvider(
            template=template or DEFAULT_TEMPLATE,
            version=fields.read("version", lambda inner: inner.verbatim(values.version)),
            dockerfile=fields.text("dockerfile", values.HostPaths(user_home=self.user_home).below(self.cwd)),
            auth_token=fields.text("auth_token", values.variable_name),
            forward_host_credentials=fields.read("forward_host_credentials", Cursor.boolean) or False,
        )
        if template is not None or "template" not in fields:
            _check_template(fields, provider)
        return provider

    def _template(self, text: str) -> str:
        name = values.name(text)
        if self.templates is not None and name not in self.templates:
            listed = ", ".join(sorted(self.templates))
            raise Invalid(
                f"unknown template {quoted(name)}", did_you_mean(name, self.templates) or f"one of: {listed}"
            )
        return name


def _check_template(fields: Fields, provider: AgentProvider) -> None:
    wanted = {"auth_token": "claude", "forward_host_credentials": "codex"}
    given = {"auth_token": provider.auth_token, "forward_host_credentials": provider.forward_host_credentials}
    for name, template in wanted.items():
        if given[name] and provider.template != template:
            fields[name].fail(f"is for the template '{template}' only, not for '{provider.template}'")


def _env(cursor: Cursor) -> dict[str, EnvValue] | None:
    entries = cursor.entries()
    if entries is None:
        return None
    found: dict[str, EnvValue] = {}
    for entry in entries:
        try:
            values.agent_variable_name(entry.key.text)
        except Invalid as invalid:
            at, path = entry.key.position, entry.value.path
            cursor.report.add(at, invalid.message, path=path, hint=invalid.hint)
        value = entry.value.verbatim(values.env_value)
        if value is not None:
            found[entry.key.text] = value
    return found


def _resources(cursor: Cursor) -> Resources | None:
    fields = cursor.fields(keys.RESOURCES)
    if fields is None:
        return None
    return Resources(
        cpus=fields.read("cpus", lambda inner: inner.number(values.cpus)),
        memory=fields.read("memory", lambda inner: inner.verbatim(values.size)),
        pids=fields.read("pids", Cursor.count),
        disk=fields.read("disk", lambda inner: inner.verbatim(values.size)),
    )


def _budget(cursor: Cursor) -> Budget | None:
    fields = cursor.fields(keys.BUDGET)
    if fields is None:
        return None
    return Budget(
        usd=fields.read("usd", lambda inner: inner.number(values.dollars)),
        tokens=fields.read("tokens", Cursor.count),
        requests=fields.read("requests", Cursor.count),
    )


def _agent(name: str, document: Document, report: ProblemReport) -> AgentManifest:
    root = Cursor(node=document.root, path=(), report=report, tables=keys.AGENT_TABLES)
    fields = root.fields(keys.AGENT, required=("bottle",))
    assert fields is not None
    return AgentManifest(
        name=name,
        bottle=fields.text("bottle", values.name) or "",
        skills=fields.read("skills", lambda inner: inner.texts(values.skill_name)) or (),
        git_user=fields.read("git-gate", _agent_git_user) or GitUser(),
        prompt=document.body,
        places=document.places(),
    )


def _agent_git_user(cursor: Cursor) -> GitUser | None:
    fields = cursor.fields(keys.AGENT_GIT_GATE)
    return None if fields is None else fields.read("user", git_user)
