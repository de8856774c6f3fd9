"""`bottle selftest`: the attack suite, on the operator's own machine."""

import sys
from pathlib import Path

import click

from bottle.cli import complete
from bottle.cli.app import App, json_option
from bottle.cli.render import Result
from bottle.errors import EnvironmentLacksError, UsageError
from bottle.providers import PROVIDERS
from bottle.selftest import page, report
from bottle.selftest.catalogue import assaults
from bottle.selftest.suite import Suite


@click.command()
@click.option(
    "--backend",
    metavar="NAME",
    help="docker, native or gvisor; else as `start` chooses.",
    shell_complete=complete.backends,
)
@click.option(
    "--only",
    metavar="ATTACK",
    multiple=True,
    help="Run only this claim or attack (proxy, proxy.smuggling); repeatable.",
)
@json_option
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write a self-contained page with all attempts, too.",
)
@click.pass_context
def selftest(
    context: click.Context, *, backend: str | None, only: tuple[str, ...], as_json: bool, html: Path | None
) -> int:
    """Attack a real bottle from inside, in every way this program knows, and print what came of it.

    Exits with 1 if an attack gets through, or if a probe or its control does not work.
    """
    if sys.platform != "linux":
        raise EnvironmentLacksError("the controls of the selftest run on Linux alone")
    if html and not html.parent.is_dir():
        raise UsageError(f"there is no folder '{html.parent}' to write the page to")
    app = App.of(context)
    wanted = assaults(only)
    choice = app.manager.selection.choose(backend, app.environ)
    suite = Suite(
        manager=app.manager,
        environ=app.environ,
        choice=choice,
        assaults=wanted,
        progress=app.console,
        templates=tuple(PROVIDERS),
    )
    results = suite.run()
    if html:
        html.write_text(page.html(results), encoding="utf-8")
        app.console.note(f"the page is {html}")
    app.console.result(Result(data=report.as_data(results), text=report.as_text(results)), as_json=as_json)
    return 0 if results.good else 1
