"""Commands on a bottle that runs: `exec`, `attach`, `cp`, `stop`."""

from pathlib import Path, PurePosixPath

import click
from attrs import evolve

from bottle.backends.base import ExecRequest
from bottle.cli import complete
from bottle.cli.app import App
from bottle.errors import BottleError, UsageError
from bottle.launch.attach import attach as attach_terminal
from bottle.launch.collect import Collection
from bottle.launch.relay import relayed
from bottle.launch.seed import with_environment
from bottle.launch.session import Session
from bottle.plan import AGENT_PATH, WORKSPACE
from bottle.state.identity import is_identity


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("identity", shell_complete=complete.live_bottles)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def exec_(context: click.Context, *, identity: str, command: tuple[str, ...]) -> int:
    """Run COMMAND in the bottle IDENTITY as the agent's user, with the agent's environment."""
    app = App.of(context)
    argv = command[1:] if command[0] == "--" else command
    if not argv:
        raise UsageError("there is no command", hint=f"bottle exec {identity} -- bash")
    _, bottle = app.manager.running(identity)
    request = ExecRequest(argv=with_environment(argv), env=_environment(app), cwd=str(WORKSPACE))
    if app.terminal.is_tty():
        running = bottle.start(evolve(request, terminal=app.terminal.size()))
        return Session(running, terminal=app.terminal).run()
    with relayed(stdin=0, stdout=1, stderr=2) as streams:
        return Session(bottle.start(evolve(request, streams=streams))).run()


@click.command()
@click.argument("identity", shell_complete=complete.live_bottles)
@click.pass_context
def attach(context: click.Context, *, identity: str) -> int:
    """Share the terminal of the bottle IDENTITY; Ctrl-P Ctrl-Q leaves it running."""
    app = App.of(context)
    said = app.manager.logs.of(identity).notes.read() if is_identity(identity) else None
    if said is not None and not (entry := app.manager.store.entry(identity)).active:
        hint = f"bottle resume {identity}" if entry.kept else f"bottle log {identity}"
        raise BottleError(f"{identity} runs no more: {said or 'its owner was killed'}", hint=hint)
    record, _ = app.manager.running(identity)
    if said:
        app.console.note(said)
    if not record.interactive:
        raise BottleError(
            f"{identity} runs a task without a terminal", hint=f"bottle exec {identity} -- bash"
        )
    return attach_terminal(app.paths.attach_socket(identity), app.terminal)


@click.command()
@click.argument("source", metavar="IDENTITY:PATH", shell_complete=complete.places_in_live_bottles)
@click.argument("destination", metavar="DEST", type=click.Path(path_type=Path))
@click.pass_context
def cp(context: click.Context, *, source: str, destination: Path) -> int:
    """Copy a file or folder out of a bottle.

    As with `cp -r`: into DEST where that is a folder, else to DEST itself. Links that point out of the
    copied tree, devices, and set-user-id bits do not come along.
    """
    identity, separator, path = source.partition(":")
    if not separator or not path:
        raise UsageError("the source is IDENTITY:PATH", hint="bottle cp coder-ab2cd:/workspace/out.txt .")
    _, bottle = App.of(context).manager.running(identity)
    inside = PurePosixPath(WORKSPACE / path)
    target = destination / inside.name if destination.is_dir() else destination
    Collection(bottle, inside).save(target)
    return 0


@click.command()
@click.argument(
    "identities", metavar="IDENTITY...", nargs=-1, required=True, shell_complete=complete.live_bottles
)
@click.pass_context
def stop(context: click.Context, *, identities: tuple[str, ...]) -> int:
    """Stop bottles: their agents end. A conversation or a private workspace is kept, all else removed."""
    app = App.of(context)
    status = 0
    for identity in identities:
        try:
            kept = app.manager.stop(identity)
        except BottleError as error:
            app.console.error(error)
            status = error.exit_code
        else:
            further = f"; `bottle resume {identity}` or `bottle discard {identity}`" if kept else ""
            app.console.info(f"stopped {identity}{further}")
    return status


def _environment(app: App) -> dict[str, str]:
    return {"PATH": AGENT_PATH, "TERM": app.environ.get("TERM", "xterm-256color")}
