"""`bottle diff`: what changed in a bottle's workspace."""

import os
import signal
from enum import StrEnum

import click

from bottle import proc
from bottle.cli import complete
from bottle.cli.app import App, json_option
from bottle.cli.pager import Pager
from bottle.cli.patchtext import Painter
from bottle.cli.render import Json, Result
from bottle.cli.selection import selected
from bottle.errors import UsageError
from bottle.launch.workspaces import HeldWorkspace
from bottle.workspace.comparison import Comparison, Difference


class Form(StrEnum):
    PATCH = "patch"
    STAT = "stat"
    NAMES = "names"
    JSON = "json"


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@click.command()
@click.option("--stat", is_flag=True, help="Count lines for each file instead.")
@click.option("--name-status", is_flag=True, help="Print only what happened to which path.")
@json_option
@click.option("--ignored", is_flag=True, help="Show what the host's git ignores, too.")
@click.option(
    "--color",
    type=click.Choice([color.value for color in Color]),
    default="auto",
    show_default=True,
    help="Whether to colour.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where something changed.")
@click.argument("identity", shell_complete=complete.bottles)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.pass_context
def diff(
    context: click.Context,
    *,
    stat: bool,
    name_status: bool,
    as_json: bool,
    ignored: bool,
    color: str,
    exit_code: bool,
    identity: str,
    paths: tuple[str, ...],
) -> int:
    """Show what changed in the workspace of the bottle IDENTITY, running or kept, since it started.

    PATHs are those of the workspace, folders or files; `*` stands for anything. Written to a file or a pipe,
    the diff is what `git apply` takes.
    """
    app = App.of(context)
    chosen = {Form.STAT: stat, Form.NAMES: name_status, Form.JSON: as_json}
    forms = [form for form, wanted in chosen.items() if wanted]
    if len(forms) > 1:
        raise UsageError("--stat, --name-status and --json exclude each other")
    with (
        app.manager.workspace(identity, context.command_path) as held,
        held.changes(selected(held, app.paths.cwd, paths), ignored=ignored) as (changes, folder),
    ):
        comparison = Comparison.of(changes, source=held.source, git=held.git, folder=folder)
        form = forms[0] if forms else Form.PATCH
        if form is Form.JSON:
            app.console.result(_listing(comparison), as_json=True)
        elif changes:
            _Display(app, comparison, Color(color)).show(form)
        _remarks(app, held, comparison)
    return int(exit_code and bool(changes))


class _Display:
    """For people on a terminal or where colours are asked for; else git's own bytes."""

    def __init__(self, app: App, comparison: Comparison, color: Color) -> None:
        self._comparison = comparison
        self._output = app.terminal.output
        self._colored = color is Color.ALWAYS or (color is Color.AUTO and app.console.colors_results)
        self._for_people = self._colored or os.isatty(self._output)
        paged = os.isatty(self._output)
        self._pager = Pager(environ=app.environ if paged else {"PAGER": ""}, descriptor=self._output)
        self._width = app.terminal.size().columns

    def show(self, form: Form) -> None:
        if not self._for_people:
            self._plain(form)
            return
        painter = Painter(color=self._colored)
        paint = {Form.STAT: painter.stat, Form.NAMES: painter.names}.get(form, painter.patch)
        options = {Form.STAT: f"--stat={self._width}", Form.NAMES: "--name-status"}.get(form, "--patch")
        with self._pager.output() as sink, self._comparison.repository.diff(options) as stream:
            for line in paint(stream):
                sink.write(line)

    def _plain(self, form: Form) -> None:
        """Byte for byte. A reader that leaves early is no error."""
        whole = ("--patch", "--binary", "--full-index")
        options = {Form.STAT: ("--stat",), Form.NAMES: ("--name-status",)}.get(form, whole)
        command = self._comparison.repository.diff_command(*options)
        code = proc.spawn(command, stdin=proc.DEVNULL, stdout=self._output).wait()
        if code not in (0, -signal.SIGPIPE):
            raise proc.CommandFailed(command, proc.Completed(code=code, stdout=b"", stderr=b""))


def _listing(comparison: Comparison) -> Result:
    rows = [_row(difference, comparison) for difference in comparison.differences()]
    return Result(data=rows)


def _row(difference: Difference, comparison: Comparison) -> Json:
    renamed = difference.renamed_from
    return {
        "path": str(difference.path),
        "status": difference.status,
        "old_mode": difference.old_mode,
        "new_mode": difference.new_mode,
        "renamed_from": None if renamed is None else str(renamed),
        "similarity": difference.similarity,
        "binary": difference.added is None,
        "added": difference.added,
        "removed": difference.removed,
        "conflict": difference.path in comparison.conflicts or renamed in comparison.conflicts,
    }


def _remarks(app: App, held: HeldWorkspace, comparison: Comparison) -> None:
    """What a diff does not say, on stderr."""
    changes = comparison.changes
    for path in sorted(comparison.conflicts):
        app.console.note(f"{path}: both sides changed it; it is compared with what {held.source} has now")
    for path in sorted(changes.torn):
        app.console.note(f"{path} was written to while it was read")
    if hidden := comparison.hidden():
        app.console.note(
            f"{len(hidden)} changes of folders and permissions have no place in a diff; --json has them"
        )
    if changes.skipped.special:
        app.console.note(f"{changes.skipped.special} sockets, pipes and devices are left out")
    if changes.skipped.ignored:
        app.console.note(
            f"{changes.skipped.ignored} paths that git ignores are left out; --ignored shows them"
        )
