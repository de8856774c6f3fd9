import io
import os
from pathlib import Path

import click
import pytest

from bottle.cli.app import App, json_option
from bottle.cli.border import Border
from bottle.cli.console import Console
from bottle.errors import EnvironmentLacksError
from bottle.launch.resolve import LaunchOptions
from bottle.paths import Paths
from support.command_line import CommandLine
from support.project import shell_agent


def console(stderr: io.StringIO | None = None) -> Console:
    return Console.from_environment({}, stdout=io.StringIO(), stderr=stderr or io.StringIO())


def test_it_is_made_from_what_came_over_the_border(command_line: CommandLine) -> None:
    border = Border(environ=command_line.environ, console=console())
    app = App.of(click.Context(click.Command("x"), obj=border))

    assert app.paths == Paths.from_environment(command_line.environ, uid=os.getuid(), cwd=Path.cwd())
    assert app.console is border.console
    assert list(app.backends) == ["docker", "native", "gvisor"]
    assert app.manager.backends is app.backends


def test_to_look_only_no_backend_needs_to_run(command_line: CommandLine) -> None:
    command_line.write(shell_agent())
    app = App(
        {**command_line.environ, "BOT_BOTTLE_BACKEND": "docker", "DOCKER_HOST": "unix:///no/engine"},
        console(),
    )
    plan = app.inspect("shell").plan

    assert plan.backend == "none"
    assert "'docker' cannot run here" in plan.backend_reason
    with pytest.raises(EnvironmentLacksError):
        app.resolve("shell", None, LaunchOptions())


def test_the_warnings_of_a_plan_are_shown(command_line: CommandLine) -> None:
    command_line.write(shell_agent(supervise="true"))
    stderr = io.StringIO()
    app = App(command_line.environ, console(stderr))
    app.resolve("shell", "native", LaunchOptions())

    assert "warning: " in stderr.getvalue()
    assert "supervise is accepted but not served" in stderr.getvalue()


def test_every_listing_has_the_same_json_option() -> None:
    @json_option
    @click.command()
    def command(*, as_json: bool) -> None:
        raise AssertionError(as_json)

    assert command.make_context("x", ["--json"]).params == {"as_json": True}
