"""`bottle build`, `cleanup`, `doctor` and `completion`."""

import platform
import sys

import click
from click.shell_completion import get_completion_class

from bottle.cli import complete
from bottle.cli.app import App, json_option
from bottle.cli.listing import problems_of
from bottle.cli.render import Result
from bottle.errors import BottleError, EnvironmentLacksError


@click.command()
@click.option(
    "--backend",
    metavar="NAME",
    help="Build for this backend; else for the one a start would take.",
    shell_complete=complete.backends,
)
@click.argument("agents", metavar="[AGENT...]", nargs=-1, shell_complete=complete.agents)
@click.pass_context
def build(context: click.Context, *, backend: str | None, agents: tuple[str, ...]) -> int:
    """Build what bottles need ahead of time: for each AGENT, or for all of them."""
    app = App.of(context)
    names = agents or tuple(entry.name for entry in app.catalog.agents().entries if not entry.error)
    choice = app.manager.selection.choose(backend, app.environ)
    for name in names:
        app.manager.build(app.manager.resolver.inspect(name, choice).plan)
        app.console.info(f"{name}: built for {choice.name}")
    return 0


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Remove without asking.")
@json_option
@click.pass_context
def cleanup(context: click.Context, *, yes: bool, as_json: bool) -> int:
    """List everything that dead bottles left behind, over all backends, and remove it.

    Live bottles are never touched.
    """
    app = App.of(context)
    leftovers = app.manager.leftovers()
    rows = [{"identity": leftover.identity, "what": leftover.description} for leftover in leftovers]
    newer = problems_of(entry for entry in app.manager.store.entries() if entry.newer)
    app.console.result(Result(data=rows, table=rows, warnings=newer), as_json=as_json)
    if not leftovers:
        app.console.note("nothing is left behind")
        return 0
    if not yes and not app.terminal.confirm(f"remove these {len(leftovers)}?"):
        return 0
    failed = 0
    for leftover in leftovers:
        try:
            leftover.remove()
        except BottleError as error:
            app.console.error(error)
            failed += 1
    return 1 if failed else 0


@click.command()
@json_option
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> int:
    """Check this machine: which backends can run, and the command that mends what is missing."""
    app = App.of(context)
    found = {name: backend.availability() for name, backend in app.backends.items()}
    rows = [
        {
            "check": f"backend {name}",
            "ok": availability.usable,
            "detail": availability.detail,
            "hint": availability.hint,
        }
        for name, availability in found.items()
    ]
    python = f"Python {platform.python_version()} at {sys.executable}"
    rows.insert(0, {"check": "python", "ok": True, "detail": python, "hint": None})
    app.console.result(Result(data=rows, table=rows), as_json=as_json)
    return (
        0 if any(availability.usable for availability in found.values()) else EnvironmentLacksError.exit_code
    )


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> int:
    """Print the completion script for SHELL; for bash: eval "$(bottle completion bash)"."""
    kind = get_completion_class(shell)
    assert kind is not None
    root = context.find_root()
    click.echo(kind(root.command, {}, "bottle", "_BOTTLE_COMPLETE").source())
    return 0
