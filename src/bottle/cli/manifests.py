"""`bottle init`."""

from collections.abc import Mapping
from pathlib import Path

import click

from bottle.cli.app import App
from bottle.errors import BottleError

_BOTTLES: Mapping[str, str] = {
    "claude": """\
---
agent_provider:
  template: claude
  # The variable of YOUR environment that holds the token; the agent only ever sees a placeholder.
  auth_token: CLAUDE_CODE_OAUTH_TOKEN
egress:
  routes: []
---
What this bottle may reach: the Anthropic API, and nothing else.
""",
    "codex": """\
---
agent_provider:
  template: codex
egress:
  routes:
    - host: api.openai.com
      # token_ref names a variable of YOUR environment; the agent only ever sees a placeholder.
      auth: {scheme: Bearer, token_ref: OPENAI_API_KEY}
---
What this bottle may reach: the OpenAI API, and nothing else.
""",
    "shell": """\
---
agent_provider:
  template: shell
egress:
  routes: []
---
What this bottle may reach: nothing.
""",
}
_FIRST = "claude"
_AGENT = """\
---
bottle: {provider}
---
"""


@click.command()
@click.option("--provider", type=click.Choice(list(_BOTTLES)), help="Which agent; asked for where absent.")
@click.option("--force", is_flag=True, help="Overwrite files that exist, without asking.")
@click.pass_context
def init(context: click.Context, *, provider: str | None, force: bool) -> int:
    """Write a first bottle and a first agent, and say how to start it."""
    app = App.of(context)
    chosen = provider or _ask_provider(app)
    files = {
        app.paths.bottles / f"{chosen}.md": _BOTTLES[chosen],
        app.paths.agents / f"{chosen}.md": _AGENT.format(provider=chosen),
    }
    existing = [path for path in files if path.exists()]
    if (
        existing
        and not force
        and not app.terminal.confirm(f"overwrite {', '.join(map(str, existing))}?", option="--force")
    ):
        raise BottleError("nothing was written")
    for path, text in files.items():
        _write(path, text)
        app.console.info(f"wrote {path}")
    app.console.info(f"next: bottle start {chosen}")
    return 0


def _ask_provider(app: App) -> str:
    question = f"Which agent ({', '.join(_BOTTLES)}) [{_FIRST}]:"
    while True:
        answer = app.terminal.line(question, hint=f"bottle init --provider {_FIRST}") or _FIRST
        if answer in _BOTTLES:
            return answer
        app.console.warn(f"'{answer}' is none of them")


def _write(path: Path, text: str) -> None:
    try:
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(text)
    except OSError as error:
        raise BottleError(f"{path} cannot be written: {error.strerror}") from error
