"""From the upstream's first word to the same word on the operator's standard output, with Claude Code."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any

from attrs import frozen

from bench.interleave import interleaved
from bench.operator import operator
from bench.report import Baseline, Goal, Row, Unit
from bottle.backends.native.agent_cli import AgentCli
from bottle.cache import BuildCache
from bottle.proc import Command
from bottle.progress import Silent
from bottle.providers.base import AgentContext
from bottle.providers.claude import ClaudeProvider
from bottle_sidecar.policy.document import Auth, AuthScheme, Route
from support.agent_apis import ANTHROPIC_HOST, AgentApis, agent_apis
from support.api_server import ApiServer
from support.engine.model import BUILD
from support.scripts import Say, Script
from support.sites import LOOPBACK, Site
from support.streaming import arrivals_of

_TOKEN = "sk-bench-token-5e1f0c7ad2"
_VARIABLE = "BENCH_TOKEN"
_OPTIONS = ("--output-format", "stream-json", "--verbose", "--include-partial-messages")
_SCRIPT = Script(turns=(Say("one two three"),), chunk_delay=0.05)
_FIRST = "one "


@frozen(kw_only=True)
class Words:
    """`rounds`: runs of the agent on each site."""

    rounds: int

    def rows(self, *sites: Site) -> Iterator[Row]:
        with ExitStack() as stack:
            measures = {site.backend: self._in_bottle(site, stack) for site in sites}
            measures["direct"] = self._direct(stack)
            found = interleaved(measures, self.rounds)
        for site in sites:
            yield Row(
                measure=f"{site.backend}: first word of Claude Code's answer, upstream to stdout",
                unit=Unit.MILLISECONDS,
                samples=found[site.backend],
                baseline=Baseline(name="Claude Code without a bottle", samples=found["direct"]),
                goal=Goal(bound=50e-3, of_ratio=False),
                spread=True,
            )

    @staticmethod
    def _apis(stack: ExitStack, host: str) -> AgentApis:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return stack.enter_context(
            agent_apis(folder / "ca", required_token=_TOKEN, script=_SCRIPT, host=host)
        )

    def _in_bottle(self, site: Site, stack: ExitStack) -> Callable[[], float]:
        apis = self._apis(stack, site.host)
        project = stack.enter_context(operator(site))
        project.write(_manifests(apis, site.host))
        command = project.command("run", "coder", "count", "--", *_OPTIONS, environ={_VARIABLE: _TOKEN})
        return lambda: first_delay(apis.anthropic, command)

    def _direct(self, stack: ExitStack) -> Callable[[], float]:
        """The program that the native back-end runs, with what its provider makes, but no way to a proxy."""
        apis = self._apis(stack, LOOPBACK)
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        route = Route(host=ANTHROPIC_HOST, auth=Auth(scheme=AuthScheme.BEARER, token_ref=_VARIABLE))
        setup = ClaudeProvider().setup(
            AgentContext(
                routes=(route,),
                placeholders={_VARIABLE: _TOKEN},
                task="count",
                arguments=_OPTIONS,
                home=PurePosixPath(home),
                workspace=PurePosixPath(home),
            )
        )
        for file in setup.files:
            target = Path(file.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
        program = AgentCli(cache=BuildCache(BUILD / "cache" / "bot-bottle"), environ=os.environ)
        folder = program.install(ClaudeProvider.package, Silent())
        argv = (str(folder / "bin" / "claude"), *setup.argv[1:])
        env = {**_without_proxy(setup.env), **_towards(apis)}
        command = Command(argv=argv, env=env, cwd=str(home))
        return lambda: first_delay(apis.anthropic, command)


def first_delay(server: ApiServer, command: Command) -> float:
    """Seconds from the moment before the upstream writes the first word until its line is read."""
    before = len(server.recording.events)
    arrived = arrivals_of(command)
    sent = [event.at for event in server.recording.events[before:] if _is_first(event.data)]
    assert len(sent) == 1, sent
    return arrived[0] - sent[0]


def _is_first(data: Mapping[str, Any]) -> bool:
    return data.get("type") == "content_block_delta" and data["delta"].get("text") == _FIRST


def _manifests(apis: AgentApis, host: str) -> dict[str, str]:
    server = f"host: {ANTHROPIC_HOST}, address: '{host}:{apis.anthropic.port}'"
    return {
        "agents/coder.md": "---\nbottle: coder\n---\n",
        "bottles/coder.md": (
            f"---\nagent_provider: {{template: claude, auth_token: {_VARIABLE}}}\negress:\n  routes:\n"
            f"    - {{{server}, ca_file: {apis.authority.certificate}}}\n---\n"
        ),
    }


def _without_proxy(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if not name.lower().endswith("_proxy")}


def _towards(apis: AgentApis) -> dict[str, str]:
    """Where the API is, whom to trust, and that being root is no objection to skipping permissions."""
    certificate = str(apis.authority.certificate)
    return {
        "ANTHROPIC_BASE_URL": f"https://{LOOPBACK}:{apis.anthropic.port}",
        "SSL_CERT_FILE": certificate,
        "NODE_EXTRA_CA_CERTS": certificate,
        "IS_SANDBOX": "1",
        "PATH": os.environ["PATH"],
    }
