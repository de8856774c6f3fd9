"""Commands on bottles that were kept: `resume` and `discard`."""

import click

from bottle.cli import complete
from bottle.cli.app import App
from bottle.cli.preflight import summary
from bottle.cli.run import AgentCommand, agree, announce, headless, launch, split_at_dashes
from bottle.errors import BottleError, UsageError
from bottle.launch.keeping import Kept
from bottle.launch.resolve import LaunchOptions
from bottle.plan import WorkspaceMode
from bottle.state.store import StateEntry


@click.command(cls=AgentCommand, context_settings={"allow_interspersed_args": False})
@click.option("-y", "--yes", is_flag=True, help="Resume without asking.")
@click.option("-d", "--detach", is_flag=True, help="Leave it running, and print its IDENTITY.")
@click.option("--keep", is_flag=True, help="Keep the bottle again, however it ends.")
@click.option("--remote-control", is_flag=True, help="Pass the provider's remote control flag.")
@click.argument("identity", shell_complete=complete.kept_bottles)
@click.argument("task", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def resume(
    context: click.Context,
    *,
    yes: bool,
    detach: bool,
    keep: bool,
    remote_control: bool,
    identity: str,
    task: tuple[str, ...],
) -> int:
    """Go on with the bottle IDENTITY: its conversation, its home and its workspace.

    On this terminal; or, with TASK, without one, as `bottle run` does. What stands behind `--` goes to the
    agent as arguments.
    """
    app = App.of(context)
    words, arguments = split_at_dashes(task)
    options = LaunchOptions(
        task=" ".join(words) if words else None,
        arguments=arguments,
        remote_control=remote_control,
        keep=keep,
    )
    if detach and words:
        raise UsageError("--detach leaves a terminal, and a task has none")
    resolved = app.resolve_kept(Kept.of(app.manager.store.kept(identity)), options)
    if words:
        announce(app, resolved)
        return headless(app, resolved)
    app.console.info(summary(resolved.plan))
    if not detach and not app.terminal.is_tty():
        raise UsageError("this needs a terminal", hint=f"bottle resume {identity} 'what to do'")
    agree(app, "resume this agent?", yes=yes)
    return launch(app, resolved, detach=detach)


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Discard without asking.")
@click.argument(
    "identities", metavar="IDENTITY...", nargs=-1, required=True, shell_complete=complete.kept_bottles
)
@click.pass_context
def discard(context: click.Context, *, yes: bool, identities: tuple[str, ...]) -> int:
    """Remove kept bottles for good: conversation, home, and changes that were not applied.

    The audit log stays.
    """
    app = App.of(context)
    entries = [app.manager.store.kept(identity) for identity in dict.fromkeys(identities)]
    for entry in entries:
        app.console.info(f"{entry.identity}: {_losses(entry)}")
    if not yes and not app.terminal.confirm(f"discard {'this' if len(entries) == 1 else 'these'}?"):
        return 0
    status = 0
    for entry in entries:
        try:
            app.manager.discard(entry.identity, context.command_path)
        except BottleError as error:
            app.console.error(error)
            status = error.exit_code
    return status


def _losses(entry: StateEntry) -> str:
    """What is gone once it is discarded."""
    record = entry.record
    if record is None:
        return f"what there is of it ({entry.problem or 'it has no record'})"
    lost = [f"the home of {record.agent} ({record.provider})"]
    if record.workspace and record.workspace != WorkspaceMode.MOUNT:
        lost.append(f"its copy of {record.cwd}, with all that was not applied")
    return ", ".join(lost)
