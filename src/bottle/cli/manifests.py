"""`bottle init` and `bottle edit`."""

from collections.abc import Collection
from pathlib import Path

import click
from attrs import evolve

from bottle.cli import complete
from bottle.cli.app import App
from bottle.cli.editing import Editing
from bottle.cli.findings import Findings
from bottle.cli.preflight import summary
from bottle.cli.run import launch
from bottle.cli.wizard import Wizard
from bottle.errors import BottleError
from bottle.launch.resolve import LaunchOptions
from bottle.manifest.catalog import ManifestKind
from bottle.manifest.first import ACCOUNTS, FirstManifests
from bottle.manifest.writing import write_together
from bottle.plan import Trust


@click.command()
@click.option("--provider", type=click.Choice(list(ACCOUNTS)), help="Which agent; then nothing is asked.")
@click.option("-y", "--yes", is_flag=True, help="Take what the dialogue would offer, without asking.")
@click.option("--force", is_flag=True, help="Overwrite files that exist, without asking.")
@click.pass_context
def init(context: click.Context, *, provider: str | None, yes: bool, force: bool) -> int:
    """Write a first bottle and a first agent: in a dialogue that looks what this machine has already."""
    app = App.of(context)
    if provider is None and not yes:
        return _dialogue(app)
    draft = FirstManifests.usual(provider or "claude")
    if yes:
        draft = _offered(app, provider)
    files = {app.paths.bottles / f"{draft.bottle}.md", app.paths.agents / f"{draft.agent}.md"}
    existing = sorted(path for path in files if path.exists())
    if existing and not force:
        question = f"overwrite {', '.join(map(str, existing))}?"
        if yes or not app.terminal.confirm(question, option="--force"):
            listed = ", ".join(map(str, existing))
            raise BottleError(f"nothing was written: {listed} would be overwritten", hint="give --force")
    _write(app, draft, replacing=existing)
    app.console.info(f"next: bottle start {draft.agent}")
    return 0


def _offered(app: App, provider: str | None) -> FirstManifests:
    findings = Findings.of(app.environ, app.paths)
    chosen = provider or findings.provider()
    draft = evolve(FirstManifests.usual(chosen), git_user=findings.git_user)
    if findings.has_login(chosen) and not findings.has_variable(chosen):
        return evolve(draft, credential=None, host_login=True)
    return evolve(draft, credential=next(iter(findings.credentials(chosen)), None))


def _dialogue(app: App) -> int:
    wizard = Wizard(app, Findings.of(app.environ, app.paths))
    draft = wizard.draft()
    if not wizard.agree(draft):
        raise BottleError("nothing was written")
    _write(app, draft, replacing=wizard.replacing)
    if draft.credential and draft.credential not in wizard.findings.variables:
        app.console.info(f"\n{draft.credential} is not set. To get a credential, {_remedy(draft)}; then:")
        app.console.info(f"    export {draft.credential}=...")
        app.console.info(f"    bottle start {draft.agent}")
        return 0
    return _start(app, draft.agent)


def _remedy(draft: FirstManifests) -> str:
    return ACCOUNTS[draft.provider].remedy


def _start(app: App, agent: str) -> int:
    app.console.info("")
    try:
        resolved = app.resolve(agent, None, LaunchOptions())
    except BottleError:
        app.console.info(f"next, once the following is mended: bottle start {agent}")
        raise
    if resolved.plan.agent_trust is Trust.CWD:
        where = f"{resolved.plan.agent_file}, which is from the current directory"
        app.console.warn(f"here, `bottle start {agent}` starts another agent of this name: {where}")
        return 0
    app.console.info(summary(resolved.plan))
    if app.terminal.confirm("\nstart now?", default=True):
        return launch(app, resolved)
    app.console.info(f"next, in a project's folder: bottle start {agent} --cwd")
    return 0


def _write(app: App, draft: FirstManifests, *, replacing: Collection[Path]) -> None:
    draft.check(app.catalog.structurer, app.paths)
    files = {
        app.paths.bottles / f"{draft.bottle}.md": draft.bottle_text().encode(),
        app.paths.agents / f"{draft.agent}.md": draft.agent_text().encode(),
    }
    write_together(files, replacing=replacing)
    for path in files:
        app.console.info(f"wrote {path}")


@click.command()
@click.argument("kind", metavar="agent|bottle", type=click.Choice([kind.value for kind in ManifestKind]))
@click.argument("name", shell_complete=complete.manifests)
@click.pass_context
def edit(context: click.Context, *, kind: str, name: str) -> int:
    """Open the manifest of an agent or a bottle in your editor; only a valid one replaces it.

    The editor is $VISUAL, $EDITOR, or the first of editor, nano and vi.
    """
    with Editing.begun(App.of(context), ManifestKind(kind), name) as editing:
        editing.run()
    return 0
