"""What Claude Code and Codex send to a model in a session full of what agents read all day.

The CLIs are the real ones, each behind a real sidecar; the model is a mock that has them run commands.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from attrs import evolve, frozen

from bottle.providers import PROVIDERS
from bottle.providers.base import AgentContext, ProviderConfig
from bottle_sidecar.policy.document import Auth, AuthScheme
from support.agent_apis import agent_apis
from support.agent_programs import bubblewrap, installed
from support.cell import Cell
from support.provider_lab import PLACEHOLDER, TOKEN, TOKEN_REF, ProviderLab, short_folder
from support.scripts import RunShell, Say, Script

AUTH = Auth(scheme=AuthScheme.BEARER, token_ref=TOKEN_REF)
COMMANDS = (
    "env | sort",
    "ls -laR /usr/share/perl* | head -n 300",
    "head -c 20000 $(python3 -c 'import ssl; print(ssl.__file__)')",
    "head -c 20000 $(python3 -c 'import http.client as module; print(module.__file__)')",
    "head -c 20000 $(python3 -c 'import secrets, hashlib; print(hashlib.__file__)')",
    "sha256sum /usr/bin/* | head -n 100",
    "for n in $(seq 40); do cat /proc/sys/kernel/random/uuid; done",
    "git init -q . && git commit -q --allow-empty -m 'Start' && git log --stat --format=fuller",
    "head -c 20000 /usr/share/common-licenses/GPL-3; cat /usr/share/doc/*/README* | head -n 300",
    "head -c 20000 /etc/ssl/certs/ca-certificates.crt",
)
AGENTS = ("claude", "codex")


@frozen(kw_only=True)
class Conversation:
    """`calls`: the body of each request that carries the conversation so far."""

    agent: str
    version: str
    calls: tuple[bytes, ...]


def recorded() -> Iterator[Conversation]:
    packages = {name: provider.package for name, provider in PROVIDERS.items()}
    programs = {name: installed(name, package) for name, package in packages.items() if package}
    script = Script(turns=(*map(RunShell, COMMANDS), Say("That is all.")), chunk_delay=0.0)
    for agent in AGENTS:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            apis = stack.enter_context(agent_apis(folder / "ca", required_token=TOKEN, script=script))
            routes = PROVIDERS[agent]().routes(ProviderConfig())
            lab = ProviderLab(
                cell=Cell(
                    folder=folder / "cell",
                    run=stack.enter_context(short_folder()),
                    bubblewrap=bubblewrap(programs["codex"]),
                    program=programs[agent],
                ),
                apis=apis,
                routes=tuple(evolve(route, auth=AUTH) for route in routes),
            )
            context = AgentContext(
                routes=lab.routes, placeholders={TOKEN_REF: PLACEHOLDER}, task="-read what there is"
            )
            yield Conversation(agent=agent, version=_version(agent), calls=tuple(_calls(lab, context, agent)))


def _calls(lab: ProviderLab, context: AgentContext, agent: str) -> Iterator[bytes]:
    setup = PROVIDERS[agent]().setup(context)
    lab.cell.furnish(setup)
    done = lab.run(setup)
    server = lab.apis.server(lab.routes[0].host)
    calls = server.recording.model_calls()
    if done.code or len(calls) <= len(COMMANDS):
        said = (done.stdout + done.stderr)[-2000:].decode(errors="replace")
        raise SystemExit(f"{agent} made {len(calls)} calls and exited with {done.code}: {said}")
    for call in calls:
        yield _dumped(call.body)


def _dumped(body: Mapping[str, object]) -> bytes:
    """As JavaScript and Rust write it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _version(agent: str) -> str:
    package = PROVIDERS[agent].package
    return package.version if package else ""
