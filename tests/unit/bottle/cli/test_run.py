from typing import Any

import click
import pytest

from bottle.cli.run import AgentCommand, run, split_at_dashes, start
from support.command_line import CommandLine, command_context
from support.operator_terminal import LEADER, OperatorTerminal
from support.project import PROGRAM, shell_agent


def parsed(command: click.Command, *arguments: str) -> dict[str, Any]:
    assert isinstance(command, AgentCommand)
    return command.make_context("x", list(arguments), command_context()).params


@pytest.mark.parametrize(
    "arguments",
    [
        ("--dry-run", "--backend", "native", "dev"),
        ("dev", "--dry-run", "--backend", "native"),
        ("--backend=native", "dev", "--dry-run"),
        ("--dry-run", "dev", "--backend", "native"),
    ],
)
def test_options_stand_before_or_behind_the_agent(arguments: tuple[str, ...]) -> None:
    """A `--dry-run` that were taken for an argument of the agent would launch it."""
    for command in (start, run):
        params = parsed(command, *arguments, *(("task",) if command is run else ()))
        assert (params["agent"], params["dry_run"], params["backend"]) == ("dev", True, "native")


def test_what_is_behind_the_dashes_is_the_agent_s() -> None:
    params = parsed(start, "dev", "--yes", "--", "--dry-run", "--", "-x")

    assert (params["yes"], params["dry_run"], params["arguments"]) == (
        True,
        False,
        ("--", "--dry-run", "--", "-x"),
    )
    assert split_at_dashes(params["arguments"]) == ((), ("--dry-run", "--", "-x"))


def test_from_the_first_word_on_all_is_the_task() -> None:
    params = parsed(run, "dev", "--cwd", "ls", "-la", "--yes", "--", "--model", "x")

    assert params["cwd"]
    assert split_at_dashes(params["task"]) == (("ls", "-la", "--yes"), ("--model", "x"))


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ((), "empty"),
        (("--cwd",), "a private copy of "),
        (("--workspace", "private"), "a private copy of "),
        (("--workspace=copy",), "a private copy of "),
        (("--workspace", "mount", "--cwd"), " ITSELF"),
    ],
)
def test_how_the_directory_comes_in_is_said_first(
    command_line: CommandLine, options: tuple[str, ...], shown: str
) -> None:
    command_line.write(shell_agent())
    for command, task in ("start", ()), ("run", ("true",)):
        outcome = command_line.run(command, "shell", "--dry-run", *options, *task)
        line = next(line for line in outcome.err.splitlines() if line.startswith("workspace "))

        assert outcome.code == 0
        assert shown in line
        assert (str(command_line.paths.cwd) in line) == bool(options)


def test_a_way_that_does_not_exist_is_an_error(command_line: CommandLine) -> None:
    command_line.write(shell_agent())
    outcome = command_line.run("run", "shell", "--workspace", "steal", "true")

    assert outcome.code == 2
    assert "'private', 'copy', 'mount'" in outcome.err


@pytest.mark.parametrize(
    "arguments", [("dev", "--dryrun"), ("--dryrun", "dev"), ("dev", "-x"), ("dev", "--yess", "--", "y")]
)
def test_a_mistyped_option_is_an_error_and_never_an_argument(arguments: tuple[str, ...]) -> None:
    with pytest.raises(click.NoSuchOption):
        parsed(start, *arguments)


def test_an_agent_is_needed() -> None:
    for arguments in ((), ("--yes",), ("--backend", "native"), ("--",)):
        with pytest.raises(click.UsageError):
            parsed(start, *arguments)


@pytest.mark.parametrize(
    ("words", "parts"), [((), ((), ())), (("--",), ((), ())), (("a", "--"), (("a",), ()))]
)
def test_splitting_at_the_first_dashes(words: tuple[str, ...], parts: tuple[tuple[str, ...], ...]) -> None:
    assert split_at_dashes(words) == parts


@pytest.mark.parametrize("command", [("start", "shell", "--dry-run"), ("run", "shell", "--dry-run", "true")])
def test_a_dry_run_prints_the_summary_and_makes_nothing(
    command_line: CommandLine, command: tuple[str, ...]
) -> None:
    command_line.write(shell_agent(["{host: a.b, auth: {scheme: Bearer, token_ref: TOKEN}}"]))
    environ = {"TOKEN": "the-value"}
    outcome = command_line.run(*command, **environ)

    assert (outcome.code, outcome.out) == (0, "")
    assert "routes      a.b [auth:Bearer] (manifest)\n" in outcome.err
    assert "the-value" not in outcome.err
    assert "bottle-placeholder" not in outcome.err
    assert not command_line.paths.state.exists()


def test_without_a_terminal_a_start_is_refused_before_anything_is_made(command_line: CommandLine) -> None:
    command_line.write(shell_agent())
    outcome = command_line.run("start", "--yes", "shell")

    assert outcome.code == 2
    assert outcome.err.endswith("error: this needs a terminal\nhint: bottle run shell 'what to do'\n")
    assert not command_line.paths.state.exists()


def test_a_run_needs_a_task(command_line: CommandLine) -> None:
    command_line.write(shell_agent())
    outcome = command_line.run("run", "shell", "--", "x")

    assert (outcome.code, outcome.err.splitlines()[0]) == (2, "error: there is no task")


@pytest.mark.parametrize(
    ("typed", "says"), [(b"\x03", rb"interrupted"), (b"\x04", rb"no answer"), (b"n\r", rb"not launched")]
)
def test_nothing_is_made_without_a_yes(command_line: CommandLine, typed: bytes, says: bytes) -> None:
    command_line.write(shell_agent())
    with OperatorTerminal(*LEADER, *PROGRAM, "start", "shell", env=command_line.environ) as terminal:
        terminal.expect(rb"launch this agent\? \[y/N\] \Z")
        terminal.type(typed)
        terminal.expect(says)

        assert terminal.wait() == 130
        assert b"Traceback" not in terminal.output
    assert not command_line.paths.state.exists()


@pytest.mark.parametrize(("typed", "says"), [(b"\x03", rb"interrupted"), (b"\x04", rb"no answer")])
def test_nothing_is_made_without_an_answer_to_the_manifest_s_question(
    command_line: CommandLine, typed: bytes, says: bytes
) -> None:
    command_line.write(shell_agent(env="{KEY: '?the key of the day'}"))
    with OperatorTerminal(*LEADER, *PROGRAM, "start", "--yes", "shell", env=command_line.environ) as terminal:
        terminal.expect(rb"the key of the day: \Z")
        terminal.type(typed)
        terminal.expect(says)

        assert terminal.wait() == 130
        assert terminal.attributes() == terminal.attributes_before
    assert not command_line.paths.state.exists()
