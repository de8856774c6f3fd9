"""The real Claude Code and Codex, in real bottles, before mock APIs that insist on the real token."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bottle.proc import Command, run
from support.agent_apis import MakeApis
from support.agent_kinds import KINDS, TOKEN, VARIABLE, Kind
from support.api_server import ApiServer
from support.project import BottleProject
from support.remains import operator_label
from support.scripts import RunShell, Say, Script
from support.sites import Site
from support.streaming import arrivals
from support.tmux import Tmux, terminal

STREAMING = ("--output-format", "stream-json", "--verbose", "--include-partial-messages")
pytestmark = pytest.mark.timeout(600)
# Looks for the token wherever an agent can look. The pattern does not match itself, and is spelled backwards,
# since a request may not hold the token.
_PATTERN = f"[{TOKEN[0]}]{TOKEN[1:]}"
_SPELLED = f"\"$(printf %s '{_PATTERN[::-1]}' | rev)\""
SEARCH = RunShell(
    f"id -un; env | grep -c {_SPELLED}; "
    f"grep -rlsa {_SPELLED} /home /workspace /tmp /run /etc"
    " /proc/[0-9]*/environ /proc/[0-9]*/cmdline | wc -l"
)
FOUND_NOTHING = "agent\n0\n0"


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def assert_token_everywhere(server: ApiServer, kind: Kind) -> None:
    """Every request brought the real credential in its one header, and no placeholder."""
    assert server.recording.requests
    for request in server.recording.requests:
        assert request.headers.get(kind.header) == kind.value, request
        assert "placeholder" not in str(request.headers)


def assert_two_turns(server: ApiServer, prompt: str, result: str) -> None:
    """Codex is told by its first prompt where the system prompt is, and adds lines of its own to results."""
    calls = [call.progress for call in server.recording.model_calls() if call.progress]
    mine = [call for call in calls if call.prompt.endswith(prompt)]
    turns = {call.turn: call for call in mine}  # on a busy machine Codex may ask twice
    assert list(turns)[:2] == [0, 1]
    assert turns[1].result.strip().endswith(result)


def test_headless_task_with_a_tool(
    kind: Kind, site: Site, project: BottleProject, make_apis: MakeApis
) -> None:
    apis = make_apis(Script(turns=(SEARCH, Say("The command printed: {tool_result}"))))
    project.write(kind.manifests(apis, site.host))

    outcome = project.run("run", "coder", "look", "around", **{VARIABLE: TOKEN})

    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("The command printed: ")
    assert outcome.out.strip().endswith(FOUND_NOTHING)
    server = apis.server(kind.host)
    assert_two_turns(server, "look around", FOUND_NOTHING)
    assert_token_everywhere(server, kind)
    assert TOKEN not in outcome.err


def test_session_at_a_terminal(kind: Kind, site: Site, project: BottleProject, make_apis: MakeApis) -> None:
    apis = make_apis(
        Script(scenarios=((r"^Read and follow the instructions in \S+$", (Say("I have read it"),)),))
    )
    project.write(kind.manifests(apis, site.host))
    command = project.command("start", "--yes", "coder", environ={VARIABLE: TOKEN})
    socket = Path(project.environ["XDG_RUNTIME_DIR"]) / "tmux"

    with terminal(socket, command, rows=40, columns=120) as tmux:
        _say_when_ready(tmux, kind)
        tmux.wait_for("The command printed: ")
        assert_nowhere_on_the_engine(project, kind)
        tmux.say("/exit" if kind.template == "claude" else "/quit")

        assert tmux.status() == 0

    assert_two_turns(apis.server(kind.host), "run id", "agent")
    assert_token_everywhere(apis.server(kind.host), kind)


def assert_nowhere_on_the_engine(project: BottleProject, kind: Kind) -> None:
    """Neither container, volume, image nor image history has the token, while the bottle runs."""
    if project.environ["BOT_BOTTLE_BACKEND"] == "native":
        return
    containers = _docker(project, "ps", "--quiet", "--filter", f"label={operator_label(project)}").split()
    images = _docker(project, "inspect", "--format", "{{.Image}}", *containers).split()
    assert len(containers) >= 2
    told = _docker(project, "inspect", *containers, *images)
    told += "".join(_docker(project, "history", "--no-trunc", image) for image in images)
    assert f"bot-bottle-agent-{kind.template}" in told  # the search looks at the right things
    assert TOKEN not in told


def _docker(project: BottleProject, *words: str) -> str:
    return run(Command(argv=("docker", *words), env=project.environ)).text


def _say_when_ready(tmux: Tmux, kind: Kind) -> None:
    tmux.wait_for("bypass permissions on" if kind.template == "claude" else "I have read it")
    tmux.say("run id")


def test_words_arrive_as_they_are_sent(site: Site, project: BottleProject, make_apis: MakeApis) -> None:
    """Each word is printed before the upstream sends the one after the next."""
    kind = KINDS["claude-subscription"]
    apis = make_apis(Script(turns=(Say("one two three four five"),), chunk_delay=1.0))
    project.write(kind.manifests(apis, site.host))

    arrived = arrivals(project, "run", "coder", "count", "--", *STREAMING, **{VARIABLE: TOKEN})

    sent = [event.at for event in apis.anthropic.recording.events if _is_word(event.data)]
    assert len(arrived) == len(sent) == 5
    assert all(seen < later for seen, later in zip(arrived, sent[1:], strict=False))


def _is_word(data: Mapping[str, Any]) -> bool:
    return data.get("type") == "content_block_delta"
