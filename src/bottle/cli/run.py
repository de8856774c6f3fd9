"""`bottle start` and `bottle run`."""

from functools import partial
from typing import Any

import click

from bottle.cli import complete
from bottle.cli.app import App
from bottle.cli.preflight import summary
from bottle.errors import InterruptedByUser, UsageError
from bottle.launch.detach import Owner, fork
from bottle.launch.launcher import LiveBottle
from bottle.launch.relay import relayed
from bottle.launch.resolve import LaunchOptions, Resolved
from bottle.launch.session import Session
from bottle.plan import Trust, WorkspaceMode
from bottle.secret import Secret, SecretValues
from bottle.terminal import USUAL_SIZE

_AGENT_ARGS = {"allow_interspersed_args": False}
_BACKEND_HELP = "docker, native or gvisor; else BOT_BOTTLE_BACKEND, then docker if an engine answers."


class AgentCommand(click.Command):
    """Takes its options before and behind AGENT; from the next word on, all is the agent's.

    An unknown option there is an error, not an argument: a mistyped `--dry-run` must not launch.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        agent = self._behind_options(args, 0)
        if agent < len(args) and args[agent] != "--":
            words = self._behind_options(args, agent + 1)
            args = [*args[:agent], *args[agent + 1 : words], args[agent], *args[words:]]
        return super().parse_args(ctx, args)

    def _behind_options(self, args: list[str], at: int) -> int:
        options = [option for option in self.params if isinstance(option, click.Option)]
        with_value = {name for option in options if not option.is_flag for name in option.opts}
        while at < len(args) and args[at].startswith("-") and args[at] not in {"-", "--"}:
            at += 2 if args[at] in with_value else 1
        return at


def _with_workspace(command: Any) -> Any:
    """The options that bring the current directory in."""
    workspace = click.option(
        "--workspace",
        type=click.Choice([mode.value for mode in WorkspaceMode]),
        help="Bring the current directory in: private (as --cwd), copy, or mount (the directory itself).",
    )
    cwd = click.option("--cwd", is_flag=True, help="Bring the current directory in, as a private copy.")
    return cwd(workspace(command))


_KEEP = click.option("--keep", is_flag=True, help="Keep the bottle for `bottle resume`, however it ends.")


def _mode(*, cwd: bool, workspace: str | None) -> WorkspaceMode | None:
    if workspace:
        return WorkspaceMode(workspace)
    return WorkspaceMode.PRIVATE if cwd else None


@click.command(cls=AgentCommand, context_settings=_AGENT_ARGS)
@click.option("-y", "--yes", is_flag=True, help="Launch without asking.")
@click.option(
    "--dry-run", is_flag=True, envvar="BOT_BOTTLE_DRY_RUN", help="Print the preflight summary only."
)
@click.option("-d", "--detach", is_flag=True, help="Leave it running, and print its IDENTITY.")
@click.option("--backend", metavar="NAME", help=_BACKEND_HELP, shell_complete=complete.backends)
@_with_workspace
@_KEEP
@click.option("--remote-control", is_flag=True, help="Pass the provider's remote control flag.")
@click.argument("agent", shell_complete=complete.agents)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def start(
    context: click.Context,
    *,
    yes: bool,
    dry_run: bool,
    detach: bool,
    backend: str | None,
    cwd: bool,
    workspace: str | None,
    keep: bool,
    remote_control: bool,
    agent: str,
    arguments: tuple[str, ...],
) -> int:
    """Start AGENT in a bottle and attach this terminal to it.

    ARGUMENTS go to the agent; put `--` before them. The exit status is the agent's. With --detach it
    runs on in the background: see `bottle attach`.
    """
    app = App.of(context)
    words, behind = split_at_dashes(arguments)
    options = LaunchOptions(
        workspace=_mode(cwd=cwd, workspace=workspace),
        remote_control=remote_control,
        arguments=words + behind,
        keep=keep,
    )
    resolved = app.resolve(agent, backend, options)
    app.console.info(summary(resolved.plan))
    if dry_run:
        return 0
    if not detach and not app.terminal.is_tty():
        raise UsageError("this needs a terminal", hint=f"bottle run {agent} 'what to do'")
    agree(app, "launch this agent?", yes=yes)
    return launch(app, resolved, detach=detach)


@click.command(cls=AgentCommand, context_settings=_AGENT_ARGS)
@click.option(
    "--dry-run", is_flag=True, envvar="BOT_BOTTLE_DRY_RUN", help="Print the preflight summary only."
)
@click.option("--backend", metavar="NAME", help=_BACKEND_HELP, shell_complete=complete.backends)
@_with_workspace
@_KEEP
@click.argument("agent", shell_complete=complete.agents)
@click.argument("task", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def run(
    context: click.Context,
    *,
    dry_run: bool,
    backend: str | None,
    cwd: bool,
    workspace: str | None,
    keep: bool,
    agent: str,
    task: tuple[str, ...],
) -> int:
    """Run AGENT on TASK without a terminal; its output goes to stdout, the exit status is the agent's.

    What stands behind `--` goes to the agent as arguments.
    """
    app = App.of(context)
    words, arguments = split_at_dashes(task)
    if not words:
        raise UsageError("there is no task", hint="bottle run AGENT 'what to do'")
    options = LaunchOptions(
        workspace=_mode(cwd=cwd, workspace=workspace), task=" ".join(words), arguments=arguments, keep=keep
    )
    resolved = app.resolve(agent, backend, options)
    if dry_run:
        app.console.info(summary(resolved.plan))
        return 0
    announce(app, resolved)
    return headless(app, resolved)


def split_at_dashes(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stands before the first `--`, and what behind it."""
    if "--" not in words:
        return words, ()
    at = words.index("--")
    return words[:at], words[at + 1 :]


def agree(app: App, question: str, *, yes: bool) -> None:
    """Raises InterruptedByUser for a no."""
    if not yes and not app.terminal.confirm(question):
        raise InterruptedByUser("not launched")


def announce(app: App, resolved: Resolved) -> None:
    """What the operator must know of a launch whose summary is not shown."""
    plan = resolved.plan
    if plan.agent_trust is Trust.CWD:
        app.console.warn(f"{plan.agent} is {plan.agent_file}, from {plan.cwd}, not from your home")
    if plan.workspace and plan.workspace.mode is WorkspaceMode.MOUNT:
        app.console.warn(
            f"{plan.agent} works on {plan.workspace.source} itself, and changes your files at once"
        )


def launch(app: App, resolved: Resolved, *, detach: bool = False) -> int:
    """The agent on this terminal, to its end (its exit status), or until it is left running (0).

    `detach`: it is left at once. The identity of what was asked to be left is the result.
    """
    secrets = _ask(app, resolved)
    identity = resolved.plan.identity
    side = fork(
        app.manager.logs.of(identity).notes,
        show_on=app.console.speak_to,
        note_on=partial(app.console.speak_to, plain=True),
        terminal=None if detach else app.terminal,
    )
    if isinstance(side, Owner):
        return _own(app, side, resolved, secrets)
    status = side.wait()
    if status is None and detach:
        app.console.line(identity)
    elif status is None:
        app.console.info(f"{identity} runs on; come back with: bottle attach {identity}")
    return status or 0


def _own(app: App, owner: Owner, resolved: Resolved, secrets: SecretValues) -> int:
    app.terminal = owner.terminal or app.terminal
    status = app.manager.launch(resolved, secrets, partial(_session, app, owner))
    if owner.left:
        app.console.info(f"the agent ended with status {status}")
    return status


def headless(app: App, resolved: Resolved) -> int:
    """The agent on its task, to its end; its exit status."""
    return app.manager.launch(resolved, _ask(app, resolved), _headless)


def _ask(app: App, resolved: Resolved) -> SecretValues:
    answers = {
        question.variable: Secret(app.terminal.prompt_secret(f"{question.message}:"))
        for question in resolved.questions
    }
    return resolved.answered(answers)


def _session(app: App, owner: Owner, live: LiveBottle) -> int:
    """The agent at the operator's terminal, or at one of its own; others may attach."""
    terminal = owner.terminal
    return Session(
        live.start_agent(terminal=terminal.size() if terminal else USUAL_SIZE),
        terminal=terminal,
        attach_socket=app.paths.attach_socket(live.identity),
        presence=app.paths.presence(live.identity),
        holder=owner if terminal else None,
        ready=None if terminal else owner.leave,
    ).run()


def _headless(live: LiveBottle) -> int:
    with relayed(stdin=None, stdout=1, stderr=2) as streams:
        return Session(live.start_agent(streams=streams)).run()
