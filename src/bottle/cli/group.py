"""The command table: each command's module is imported when it is run, not before."""

import difflib
import importlib
from collections.abc import Mapping

import click
from attrs import frozen


@frozen
class LazyCommand:
    """`module` defines the click command `attribute`; `summary` is its line in `bottle --help`."""

    module: str
    attribute: str
    summary: str


COMMANDS: Mapping[str, LazyCommand] = {
    "start": LazyCommand("bottle.cli.run", "start", "Start an agent in a bottle, on this terminal."),
    "run": LazyCommand(
        "bottle.cli.run", "run", "Run one task without a terminal; its output goes to stdout."
    ),
    "resume": LazyCommand("bottle.cli.kept", "resume", "Go on with a bottle that was kept."),
    "discard": LazyCommand("bottle.cli.kept", "discard", "Remove bottles that were kept, for good."),
    "exec": LazyCommand("bottle.cli.session", "exec_", "Run a command in a running bottle."),
    "attach": LazyCommand("bottle.cli.session", "attach", "Share the terminal of a running bottle."),
    "cp": LazyCommand("bottle.cli.session", "cp", "Copy files out of a running bottle."),
    "diff": LazyCommand("bottle.cli.diff", "diff", "Show what changed in a bottle's workspace."),
    "apply": LazyCommand(
        "bottle.cli.apply", "apply", "Put a bottle's changes onto the directory that it began with."
    ),
    "stop": LazyCommand("bottle.cli.session", "stop", "Stop running bottles."),
    "list": LazyCommand("bottle.cli.listing", "list_", "List agents, or the bottles that run or are kept."),
    "info": LazyCommand("bottle.cli.listing", "info", "Show what an agent would be given."),
    "why": LazyCommand(
        "bottle.cli.explain", "why", "Say whether an agent may do something, and by which rule."
    ),
    "log": LazyCommand("bottle.cli.log", "log", "Show what a bottle asked for, was given and was refused."),
    "proposals": LazyCommand("bottle.cli.proposals", "proposals", "List or show what bottles ask you."),
    "approve": LazyCommand("bottle.cli.proposals", "approve", "Say yes to what a bottle asks."),
    "reject": LazyCommand("bottle.cli.proposals", "reject", "Say no to what a bottle asks."),
    "init": LazyCommand("bottle.cli.manifests", "init", "Write a first bottle and agent."),
    "edit": LazyCommand("bottle.cli.manifests", "edit", "Edit a manifest; only a valid one is saved."),
    "cleanup": LazyCommand("bottle.cli.maintenance", "cleanup", "Remove what dead bottles left behind."),
    "doctor": LazyCommand("bottle.cli.maintenance", "doctor", "Check this machine, and say what mends it."),
    "build": LazyCommand("bottle.cli.maintenance", "build", "Build sidecars and agent images ahead of time."),
    "demo": LazyCommand(
        "bottle.cli.demo", "demo", "Show a real bottle allowing and refusing; needs no account."
    ),
    "selftest": LazyCommand(
        "bottle.cli.selftest", "selftest", "Attack a bottle from inside, and show what held."
    ),
    "completion": LazyCommand(
        "bottle.cli.maintenance", "completion", "Print the completion script of a shell."
    ),
}


class LazyGroup(click.Group):
    """A group over `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry.module), entry.attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"{error.format_message()}{hint}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])
