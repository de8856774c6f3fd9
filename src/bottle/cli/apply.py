"""`bottle apply`: a bottle's changes onto the directory that its workspace began as."""

from collections.abc import Iterator
from pathlib import PurePosixPath

import click

from bottle.cli import complete
from bottle.cli.app import App
from bottle.cli.console import Tone
from bottle.cli.selection import selected
from bottle.errors import BottleError, UsageError
from bottle.launch.workspaces import HeldWorkspace
from bottle.terminal import printable
from bottle.tree import Kind
from bottle.workspace.changeset import Skipped
from bottle.workspace.planner import Plan
from bottle.workspace.transaction import Exchange

_TONES = {"A": Tone.GOOD, "M": Tone.PLAIN, "D": Tone.BAD}


@click.command()
@click.option(
    "--path", "paths", metavar="PATH", multiple=True, help="Apply only what is at or below PATH (repeatable)."
)
@click.option("-y", "--yes", is_flag=True, help="Apply without asking.")
@click.option("--dry-run", is_flag=True, help="Print what would be applied, and end.")
@click.option("--ignored", is_flag=True, help="Apply what the host's git ignores, too.")
@click.argument("identity", shell_complete=complete.bottles)
@click.pass_context
def apply(
    context: click.Context,
    *,
    paths: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    ignored: bool,
    identity: str,
) -> int:
    """Put what changed in the workspace of the bottle IDENTITY onto the directory that it began as.

    What the host changed meanwhile is merged as git merges it. Where that leaves a conflict, nothing is
    written, and each one is listed. All is applied or nothing, however it ends.
    """
    app = App.of(context)
    with (
        app.manager.workspace(identity, context.command_path) as held,
        held.changes(selected(held, app.paths.cwd, paths), ignored=ignored) as (changes, _folder),
        app.manager.application(held) as application,
    ):
        plan = application.plan(changes, unsettled=changes.torn)
        _remarks(app, changes.skipped, plan)
        if plan.conflicts:
            raise _conflicting(app, held, plan)
        for line, tone in _lines(plan):
            app.console.line(line, tone)
        if not plan.exchanges:
            app.console.info(f"{held.source} has all of it already" if changes else "nothing changed")
        if dry_run or (plan.exchanges and not _agreed(app, held, plan, yes=yes)):
            return 0
        application.carry_out(plan)
        if changes:
            held.origin.renew({change.path: change.new for change in changes})
        if plan.exchanges:
            app.console.info(f"applied to {held.source}")
    return 0


def _remarks(app: App, skipped: Skipped, plan: Plan) -> None:
    """What stays away, and what to look at twice."""
    if skipped.special:
        app.console.note(f"{skipped.special} sockets, pipes and devices are left out")
    if skipped.ignored:
        app.console.note(f"{skipped.ignored} paths that git ignores are left out; --ignored takes them")
    for one, other in plan.alike:
        app.console.warn(f"{_shown(one)} and {_shown(other)} are one file on macOS and Windows")
    for path, why in plan.running().items():
        app.console.warn(f"{_shown(path)} runs by itself on this machine: {why}")


def _conflicting(app: App, held: HeldWorkspace, plan: Plan) -> BottleError:
    for conflict in plan.conflicts:
        app.console.line(f"C\t{_escaped(str(conflict))}", Tone.BAD)
    number = len(plan.conflicts)
    return BottleError(
        f"{number} conflict{'s' if number > 1 else ''}; nothing was applied",
        location=str(held.source),
        hint=f"`bottle diff {held.record.identity}` shows the changes; --path applies a part of them",
    )


def _lines(plan: Plan) -> Iterator[tuple[str, Tone]]:
    """For each path what happens to it, folders only where nothing in them is told."""
    by_path: dict[PurePosixPath, list[Exchange]] = {}
    for exchange in plan.exchanges:
        by_path.setdefault(exchange.path, []).append(exchange)
    told = {parent for path in by_path for parent in path.parents}
    for path, exchanges in sorted(by_path.items()):
        comes = any(each.new for each in exchanges)
        goes = any(each.old for each in exchanges)
        letter = "M" if comes and goes else "A" if comes else "D"
        folder = _is_folder(exchanges[-1])
        if not (folder and path in told and letter != "M"):
            mark = "\tmerged" if path in plan.merged else ""
            yield f"{letter}\t{_shown(path)}{'/' if folder else ''}{mark}", _TONES[letter]


def _is_folder(exchange: Exchange) -> bool:
    entry = exchange.new or exchange.old
    return entry is not None and entry.kind is Kind.FOLDER


def _agreed(app: App, held: HeldWorkspace, plan: Plan, *, yes: bool) -> bool:
    """Raises BottleError where nobody can be asked about what needs an answer."""
    if yes:
        return True
    number = sum(not _is_folder(exchange) for exchange in plan.exchanges)
    try:
        return app.terminal.confirm(f"apply these {number} files to {held.source}?")
    except UsageError as error:
        if not plan.running():
            return True
        raise BottleError(
            "nothing was applied: there are files among it that run by themselves on this machine",
            hint=f"look at them with `bottle diff {held.record.identity}`, then give --yes; "
            "or choose others with --path",
        ) from error


def _shown(path: PurePosixPath) -> str:
    return _escaped(str(path))


def _escaped(text: str) -> str:
    """On one line: newlines and tabs, too, would make a name look like something else."""
    return printable(text).replace("\t", "\\t").replace("\n", "\\n")
