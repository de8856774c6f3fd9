"""What bottles ask their operator: `proposals`, `approve`, `reject`."""

import time
from collections.abc import Iterator

import click

from bottle.cli import complete
from bottle.cli.app import App, json_option
from bottle.cli.render import Json, Result
from bottle.errors import BottleError, InterruptedByUser, UsageError
from bottle.state.proposals import Proposal, Proposals


@click.command()
@json_option
@click.option("-a", "--all", "decided", is_flag=True, help="Those that were decided, too.")
@click.argument("identity", required=False, shell_complete=complete.live_bottles)
@click.argument("number", required=False, type=int)
@click.pass_context
def proposals(
    context: click.Context, *, as_json: bool, decided: bool, identity: str | None, number: int | None
) -> int:
    """List what bottles ask you, or show one: proposal NUMBER of the bottle IDENTITY, whole."""
    app = App.of(context)
    if identity is not None and number is not None:
        proposal = _numbered(_of(app, identity), identity, number)
        app.console.result(Result(data=_data(identity, proposal), text=_whole(proposal)), as_json=as_json)
        return 0
    listed = list(_listed(app, identity, decided=decided))
    rows = [[*list(row.values())[:5], row["title"]] for row in listed]
    app.console.result(Result(data=listed, table=rows), as_json=as_json)
    return 0


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Approve without showing it and asking.")
@click.argument("identity", shell_complete=complete.live_bottles)
@click.argument("number", required=False, type=int)
@click.pass_context
def approve(context: click.Context, *, yes: bool, identity: str, number: int | None) -> int:
    """Say yes to what the bottle IDENTITY asks; NUMBER may be left out where it asks one thing."""
    app = App.of(context)
    filed = _of(app, identity)
    proposal = _pending(filed, identity, number)
    if not yes:
        app.console.info(_whole(proposal))
        if not app.terminal.confirm("approve this?"):
            raise InterruptedByUser("not approved; it still waits")
    filed.decide(proposal.number, approved=True)
    app.console.info(f"approved {identity} {proposal.number}")
    return 0


@click.command()
@click.option("--reason", default="", help="What the agent is told.")
@click.argument("identity", shell_complete=complete.live_bottles)
@click.argument("number", required=False, type=int)
@click.pass_context
def reject(context: click.Context, *, reason: str, identity: str, number: int | None) -> int:
    """Say no to what the bottle IDENTITY asks; NUMBER may be left out where it asks one thing."""
    app = App.of(context)
    filed = _of(app, identity)
    proposal = _pending(filed, identity, number)
    filed.decide(proposal.number, approved=False, reason=reason)
    app.console.info(f"rejected {identity} {proposal.number}")
    return 0


def _of(app: App, identity: str) -> Proposals:
    """Raises BottleError where there is no such bottle."""
    if identity not in {entry.identity for entry in app.manager.store.entries()}:
        raise BottleError(f"there is no bottle '{identity}'", hint="bottle proposals")
    return app.manager.store.proposals(identity)


def _listed(app: App, identity: str | None, *, decided: bool) -> Iterator[dict[str, Json]]:
    known = [entry.identity for entry in app.manager.store.entries()]
    for each in known if identity is None else [identity]:
        filed = _of(app, each)
        yield from (_data(each, proposal) for proposal in (filed.all() if decided else filed.pending()))


def _numbered(filed: Proposals, identity: str, number: int) -> Proposal:
    for proposal in filed.all():
        if proposal.number == number:
            return proposal
    raise BottleError(f"{identity} has no proposal {number}", hint=f"bottle proposals {identity} --all")


def _pending(filed: Proposals, identity: str, number: int | None) -> Proposal:
    if number is not None:
        return _numbered(filed, identity, number)
    waiting = filed.pending()
    if not waiting:
        raise BottleError(f"{identity} asks nothing", hint="bottle proposals")
    if len(waiting) > 1:
        numbers = ", ".join(str(proposal.number) for proposal in waiting)
        raise UsageError(
            f"{identity} asks more than one thing: {numbers}", hint=f"bottle proposals {identity}"
        )
    return waiting[0]


def _data(identity: str, proposal: Proposal) -> dict[str, Json]:
    decision = proposal.decision
    return {
        "identity": identity,
        "number": proposal.number,
        "kind": proposal.kind,
        "age_seconds": max(0, round(time.time() - proposal.created)),
        "state": _state(proposal),
        "title": proposal.title,
        "text": proposal.text,
        "reason": decision.reason if decision else None,
    }


def _state(proposal: Proposal) -> str:
    if proposal.decision is None:
        return "waiting"
    return "approved" if proposal.decision.approved else "rejected"


def _whole(proposal: Proposal) -> str:
    return f"{proposal.title}  [{_state(proposal)}]\n\n{proposal.text}"
