import sys

import click
import pytest

from bottle.cli.group import COMMANDS, LazyGroup
from bottle.cli.main import cli
from bottle.proc import Command, run
from support.command_line import CommandLine, command_context

PROMISED = {
    "start", "run", "exec", "attach", "stop", "list", "info", "why", "cleanup", "doctor", "build", "demo",
    "completion", "init", "cp", "log", "selftest", "edit", "proposals", "approve", "reject", "resume",
    "discard", "diff", "apply",
}  # fmt: skip


def test_help_shows_each_command_that_exists_and_no_other(command_line: CommandLine) -> None:
    shown = command_line.run("--help").out.partition("Commands:\n")[2]

    assert [line.split()[0] for line in shown.splitlines() if line[2:3].strip()] == list(COMMANDS)
    assert set(COMMANDS) == PROMISED


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_there_and_explains_itself(command_line: CommandLine, name: str) -> None:
    outcome = command_line.run(name, "--help")

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"Usage: bottle {name} ")
    assert command_line.run(name, "-h").out == outcome.out


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_has_its_help(name: str) -> None:
    command = cli.get_command(command_context(), name)
    assert command is not None
    options = [each for each in command.params if isinstance(each, click.Option)]

    assert [option.name for option in options if not option.help] == []
    assert command.help


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("lst", "list"), ("strt", "start"), ("clean", "cleanup"), ("completions", "completion")],
)
def test_a_mistyped_command_gets_the_near_one(command_line: CommandLine, typed: str, meant: str) -> None:
    outcome = command_line.run(typed)

    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"error: No such command '{typed}'. Did you mean '{meant}'?\nhint: bottle --help\n"


def test_a_far_one_gets_none(command_line: CommandLine) -> None:
    assert command_line.run("zzz").err == "error: No such command 'zzz'.\nhint: bottle --help\n"


def test_without_a_command_the_help_is_an_error(command_line: CommandLine) -> None:
    outcome = command_line.run()

    assert (outcome.code, outcome.out) == (2, "")
    assert "Commands:" in outcome.err


HEAVY = (
    "rich", "ruamel", "textual", "cattrs", "mitmproxy", "bottle.backends", "bottle.manifest",
    "bottle.providers", "bottle.manager", "bottle.plan", "bottle_sidecar", "subprocess", "tarfile",
)  # fmt: skip


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_what_needs_no_command_loads_none(argument: str) -> None:
    code = (
        "import sys, os; from bottle.cli.main import main\n"
        f"status = main([{argument!r}], os.environ)\n"
        "print('\\n'.join(sys.modules), file=sys.stderr); sys.exit(status)"
    )
    done = run(Command(argv=(sys.executable, "-I", "-c", code)))
    loaded = done.stderr.decode().split()
    found = [name for name in loaded for heavy in HEAVY if name == heavy or name.startswith(f"{heavy}.")]

    assert found == []
    assert "click" in loaded


def test_the_group_is_the_lazy_one() -> None:
    assert isinstance(cli, LazyGroup)
