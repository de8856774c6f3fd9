"""`bottle demo`: the real machinery, an upstream of our own, and nothing that needs an account."""

import json
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
from attrs import evolve, field, frozen

from bottle import proc
from bottle.cli import complete
from bottle.cli.app import App
from bottle.cli.preflight import summary
from bottle.errors import BottleError, EnvironmentLacksError
from bottle.launch.keeping import record_of
from bottle.launch.launcher import LiveBottle
from bottle.launch.resolve import LaunchOptions, Resolved
from bottle.launch.selection import Choice
from bottle.plan import LaunchPlan
from bottle.terminal import printable

_TOKEN = "BOTTLE_DEMO_TOKEN"  # noqa: S105 - a variable's name
_UPSTREAM = "bottle_sidecar.demo_upstream"
_HOST = "api.demo.test"
_PATIENCE = 30.0
_AGENT = "---\nbottle: demo\n---\n"
_BOTTLE = """\
---
agent_provider: {{template: shell}}
egress:
  routes:
    - host: {host}
      path_allowlist: [/v1]
      auth: {{scheme: Bearer, token_ref: {token}}}
      address: {address}
      ca_file: {ca_file}
    - host: localhost
---
"""


@frozen(kw_only=True)
class _Step:
    """A request of the agent's, and what must come of it: `status` 0 where no connection may come about."""

    title: str
    url: str
    status: int
    options: tuple[str, ...] = ()


_OK = 200
_REFUSED = 403
_NOT_FOUND = 127
_STEPS = (
    _Step(
        title="an allowed request, with a credential that the agent does not have",
        url=f"https://{_HOST}/v1/hello",
        status=_OK,
    ),
    _Step(title="a host that no route grants", url="https://collector.demo.test/steal", status=_REFUSED),
    _Step(title="a path that its route does not grant", url=f"https://{_HOST}/v1/../admin", status=_REFUSED),
    _Step(title="a granted name that leads to a private address", url="https://localhost/", status=_REFUSED),
)


@frozen(kw_only=True)
class _Outcome:
    status: int
    body: str
    complaint: str


@frozen
class _Upstream:
    """The running demo upstream: where it is, and the requests that reached it."""

    output: int
    address: str
    ca_pem: str = field(repr=False)

    def next_request(self) -> Mapping[str, str]:
        return _line(self.output)


@click.command()
@click.option(
    "--backend",
    metavar="NAME",
    help="docker, native or gvisor; else as `start` chooses.",
    shell_complete=complete.backends,
)
@click.pass_context
def demo(context: click.Context, *, backend: str | None) -> int:
    """Bring up a real bottle beside a local HTTPS upstream, and show what passes and what is refused.

    Needs no account, and no internet beyond the package registries that the first build reads.
    """
    app = App.of(context)
    choice = app.manager.selection.choose(backend, app.environ)
    with tempfile.TemporaryDirectory(prefix="bottle-demo-") as folder:
        return _Demo(app, choice, Path(folder)).run()


class _Demo:
    """One showing, in `folder`, which holds its manifests; state and cache are the operator's."""

    def __init__(self, app: App, choice: Choice, folder: Path) -> None:
        self._app = app
        self._choice = choice
        self._folder = folder
        self._token = f"demo-token-{secrets.token_hex(12)}"

    def run(self) -> int:
        plan = self._resolve(address="127.0.0.1:1", ca_pem="").plan
        self._say(f"A bottle on the backend {plan.backend} ({plan.backend_reason})", bold=True)
        self._app.manager.build(plan)
        with self._upstream(plan) as upstream:
            resolved = self._resolve(address=upstream.address, ca_pem=upstream.ca_pem)
            self._say(f"{summary(resolved.plan)}\n", dim=True)
            return self._app.manager.launch(resolved, resolved.secrets, partial(self._show, upstream))

    def _resolve(self, *, address: str, ca_pem: str) -> Resolved:
        """The manifests as an operator would write them, read as an operator's are."""
        ca_file = self._folder / "upstream-ca.pem"
        ca_file.write_text(ca_pem)
        bottle = _BOTTLE.format(host=_HOST, token=_TOKEN, address=address, ca_file=ca_file)
        for kind, text in (("agents", _AGENT), ("bottles", bottle)):
            (self._folder / kind).mkdir(exist_ok=True)
            (self._folder / kind / "demo.md").write_text(text)
        environ = {**self._app.environ, _TOKEN: self._token}
        paths = evolve(self._app.paths, manifests=self._folder)
        resolver = App(environ, self._app.console, paths=paths).manager.resolver
        return resolver.resolve("demo", self._choice, LaunchOptions(task="true"))

    @contextmanager
    def _upstream(self, plan: LaunchPlan) -> Iterator[_Upstream]:
        """A TLS server beside the sidecar, under an identity of its own that `bottle cleanup` knows."""
        bottle = self._app.backends[plan.backend].bottle(plan.identity)
        with ExitStack() as stack:
            stack.enter_context(self._app.manager.store.claim(record_of(plan)))
            stack.callback(bottle.remove)
            process = proc.spawn(
                bottle.companion(_UPSTREAM), stdin=proc.PIPE, stdout=proc.PIPE, new_session=True
            )
            stack.callback(proc.end, process)
            assert process.stdout is not None
            output = process.stdout.fileno()
            yield _Upstream(output, **_line(output))

    def _show(self, upstream: _Upstream, live: LiveBottle) -> int:
        held = True
        for step in _STEPS:
            self._say(f"* {step.title}", bold=True)
            outcome = _request(live, step)
            held &= self._report(step, outcome)
            if step.status == _OK and outcome.status == _OK:
                held &= self._compare(live, upstream)
        self._say("* a connection past the proxy", bold=True)
        held &= self._direct(live, upstream.address)
        verdict = "every promise of this demo held" if held else "a promise of this demo did NOT hold"
        self._say(f"\n{verdict}", fg="green" if held else "red", bold=True)
        return 0 if held else 1

    def _report(self, step: _Step, outcome: _Outcome) -> bool:
        as_promised = outcome.status == step.status
        colour = ("green" if outcome.status == _OK else "yellow") if as_promised else "red"
        self._say(f"  $ curl {step.url}")
        self._say(f"  {outcome.status} {_reason(outcome)}", fg=colour)
        return as_promised

    def _compare(self, live: LiveBottle, upstream: _Upstream) -> bool:
        """What the agent held, and what the upstream received in its place."""
        received = upstream.next_request()["authorization"]
        self._say(f"  the agent sent      Authorization: Bearer {live.env[_TOKEN]}")
        self._say(f"  the upstream got    Authorization: {received}")
        self._say(
            "  its answer repeats the token, and the sidecar masked it before the agent saw it", dim=True
        )
        return received == f"Bearer {self._token}"

    def _direct(self, live: LiveBottle, address: str) -> bool:
        step = _Step(title="", url=f"https://{address}/", status=0, options=("--noproxy", "*", "--insecure"))
        outcome = _request(live, step)
        self._say(f"  $ curl --noproxy '*' https://{address}/")
        self._say(f"  {outcome.complaint}", fg="red" if outcome.status else "yellow")
        return outcome.status == 0

    def _say(self, text: str, **style: Any) -> None:
        plain = bool(self._app.environ.get("NO_COLOR"))
        click.echo(click.style(printable(text), **style), color=False if plain else None)


def _request(live: LiveBottle, step: _Step) -> _Outcome:
    """Runs curl in the bottle. Raises EnvironmentLacksError where the sandbox has none."""
    credential = ("-H", f"Authorization: Bearer {live.env[_TOKEN]}") if step.status == _OK else ()
    # localhost is exempt from the proxy in the agent's environment; here the proxy is what is asked.
    options = step.options or ("--noproxy", "", *credential)
    fixed = ("curl", "-sS", "-m", "20", "--path-as-is", "-w", "\n%{http_code}")
    completed = live.capture((*fixed, *options, "--", step.url))
    if completed.code == _NOT_FOUND:
        raise EnvironmentLacksError("the sandbox has no curl", hint="sudo apt-get install -y curl")
    body, _, status = completed.text.rpartition("\n")
    complaint = completed.stderr.decode(errors="replace").strip()
    return _Outcome(status=int(status or 0), body=body, complaint=complaint)


def _reason(outcome: _Outcome) -> str:
    """The sidecar's own words, or what the upstream said."""
    try:
        document = json.loads(outcome.body)
    except ValueError:
        return outcome.body or outcome.complaint
    return str(document.get("reason", outcome.body)) if isinstance(document, dict) else outcome.body


def _line(output: int) -> Mapping[str, str]:
    """The next JSON line of the upstream. Raises BottleError where none comes."""
    line = proc.next_line(output, _PATIENCE)
    if not line:
        raise BottleError("the demo's upstream gave no answer")
    document: Mapping[str, str] = json.loads(line)
    return document
