import io

import click
import pytest

from bottle.cli import complete
from bottle.cli.border import Border
from bottle.cli.console import Console
from support.command_line import CommandLine
from support.project import shell_agent


def offered(command_line: CommandLine, what: complete.Complete, incomplete: str = "") -> list[str]:
    console = Console.from_environment({}, stdout=io.StringIO(), stderr=io.StringIO())
    context = click.Context(click.Command("x"), obj=Border(environ=command_line.environ, console=console))
    return what(context, click.Argument(["x"]), incomplete)


def test_names_that_begin_as_typed(command_line: CommandLine) -> None:
    command_line.write({**shell_agent(), "agents/other.md": "---\nbottle: shell\n---\n"})

    assert offered(command_line, complete.agents) == ["other", "shell"]
    assert offered(command_line, complete.agents, "sh") == ["shell"]
    assert offered(command_line, complete.agents, "x") == []
    assert offered(command_line, complete.backends, "n") == ["native"]


@pytest.mark.parametrize(("kind", "names"), [("agent", ["other", "shell"]), ("bottle", ["shell"])])
def test_what_may_be_edited(command_line: CommandLine, kind: str, names: list[str]) -> None:
    command_line.write({**shell_agent(), "agents/other.md": "broken"})
    console = Console.from_environment({}, stdout=io.StringIO(), stderr=io.StringIO())
    context = click.Context(click.Command("x"), obj=Border(environ=command_line.environ, console=console))
    context.params["kind"] = kind

    assert complete.manifests(context, click.Argument(["name"]), "") == names


def test_only_bottles_that_are_live(command_line: CommandLine) -> None:
    assert offered(command_line, complete.live_bottles) == []
    with command_line.live():
        assert offered(command_line, complete.live_bottles) == ["dev-abcde"]
        assert offered(command_line, complete.places_in_live_bottles, "dev") == ["dev-abcde:"]


@pytest.mark.parametrize("what", [complete.agents, complete.live_bottles])
def test_nothing_and_no_error_where_nothing_can_be_read(
    command_line: CommandLine, what: complete.Complete
) -> None:
    command_line.paths.home.write_text("a file")

    assert offered(command_line, what) == []
