"""`bottle list` and `bottle info`."""

import time
from collections.abc import Iterable, Mapping

import click
from attrs import frozen

from bottle.cli import complete
from bottle.cli.app import App, json_option
from bottle.cli.preflight import summary
from bottle.cli.render import Json, Result
from bottle.launch.presence import Seen
from bottle.manifest.catalog import ListedAgent
from bottle.state.audit import AuditLog
from bottle.state.record import BottleRecord
from bottle.state.store import StateEntry


@click.command("list")
@json_option
@click.argument("what", type=click.Choice(["available", "active", "kept"]), default="active")
@click.pass_context
def list_(context: click.Context, *, what: str, as_json: bool) -> int:
    """List agents that can be started (available), or bottles that run (active, the default) or are kept."""
    listed = {"available": _available, "active": _active, "kept": _kept}[what]
    app = App.of(context)
    app.console.result(listed(app), as_json=as_json)
    return 0


@click.command()
@json_option
@click.argument("agent", shell_complete=complete.agents)
@click.pass_context
def info(context: click.Context, *, as_json: bool, agent: str) -> int:
    """Show what AGENT would be given: its manifest resolved, nothing started."""
    app = App.of(context)
    resolved = app.inspect(agent)
    plan = resolved.plan
    data: dict[str, Json] = {
        "agent": plan.agent,
        "agent_file": str(plan.agent_file),
        "trust": plan.agent_trust.value,
        "bottle": plan.bottle,
        "backend": plan.backend,
        "provider": plan.program.template,
        "env": [variable.name for variable in plan.env],
        "skills": [tree.source.name for tree in plan.seed_trees],
        "routes": [{"host": route.host, "origin": route.origin} for route in plan.policy.routes],
        "git_upstreams": [{"name": up.name, "host": up.host, "port": up.port} for up in plan.git_upstreams],
    }
    result = Result(data=data, text=summary(plan), warnings=resolved.warnings)
    app.console.result(result, as_json=as_json)
    return 0


def _available(app: App) -> Result:
    listing = app.catalog.agents()
    agents = [_agent(entry) for entry in listing.entries]
    return Result(
        data=agents,
        table=agents,
        warnings=tuple(str(problem) for problem in listing.warnings),
    )


def _agent(entry: ListedAgent) -> Mapping[str, Json]:
    """A broken file is listed, too, with its first error."""
    return {
        "agent": entry.name,
        "bottle": entry.loaded.manifest.bottle if entry.loaded else None,
        "trust": entry.trust.value,
        "file": str(entry.file),
        "error": str(entry.error).splitlines()[0] if entry.error else None,
    }


def _active(app: App) -> Result:
    entries = [entry for entry in app.manager.store.entries() if entry.active]
    now = time.time()
    bottles = [
        _Active(
            record=entry.record,
            seen=Seen.at(app.paths.presence(entry.identity)),
            log=app.manager.logs.of(entry.identity),
            now=now,
        )
        for entry in entries
        if entry.record
    ]
    return Result(
        data=[bottle.data() for bottle in bottles],
        table=[bottle.row() for bottle in bottles],
        warnings=problems_of(entries),
    )


@frozen(kw_only=True)
class _Active:
    """A bottle that runs. `seen`: None where it has no session; `now` in seconds since the epoch."""

    record: BottleRecord
    seen: Seen | None
    log: AuditLog
    now: float

    def data(self) -> dict[str, Json]:
        return {
            "identity": self.record.identity,
            "agent": self.record.agent,
            "bottle": self.record.bottle,
            "backend": self.record.backend,
            "provider": self.record.provider,
            "age_seconds": self._since(self.record.created),
            "interactive": self.record.interactive,
            "state": self.record.phase.value,
            "attached": self.seen.terminals if self.seen else None,
            "idle_seconds": self._since(self._last_activity()),
            "blocked": self.log.refusals(),
        }

    def row(self) -> list[Json]:
        names = (self.record.identity, self.record.agent, self.record.bottle, self.record.backend)
        age, idle = _age(self._since(self.record.created)), _age(self._since(self._last_activity()))
        state = self.record.phase.value
        return [*names, self.record.provider, age, state, self._session(), idle, self.log.refusals()]

    def _session(self) -> str:
        if self.seen is None:
            return "-"
        return f"attached {self.seen.terminals}" if self.seen.terminals else "detached"

    def _last_activity(self) -> float:
        """Of the agent: at its terminal, or towards the network."""
        output = self.seen.output if self.seen else 0.0
        return max(output, self.log.written() or 0.0, self.record.created)

    def _since(self, moment: float) -> int:
        return max(0, round(self.now - moment))


def _kept(app: App) -> Result:
    entries = [entry for entry in app.manager.store.entries() if entry.kept]
    records = [entry.record for entry in entries if entry.record]
    ages = [max(0, round(time.time() - record.created)) for record in records]
    data: list[Json] = [
        {
            "identity": record.identity,
            "agent": record.agent,
            "bottle": record.bottle,
            "backend": record.backend,
            "provider": record.provider,
            "age_seconds": age,
            "status": record.status,
            "workspace": record.cwd if record.workspace else None,
        }
        for record, age in zip(records, ages, strict=True)
    ]
    rows = [
        [
            *(record.identity, record.agent, record.bottle, record.backend, record.provider),
            *(_age(age), "killed" if record.status is None else record.status),
            record.cwd if record.workspace else "",
        ]
        for record, age in zip(records, ages, strict=True)
    ]
    return Result(data=data, table=rows, warnings=problems_of(entries))


def problems_of(entries: Iterable[StateEntry]) -> tuple[str, ...]:
    """What is to be said of bottles whose state cannot be read."""
    return tuple(f"{entry.folder}: {entry.problem}" for entry in entries if entry.problem)


def _age(seconds: int) -> str:
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
