"""`bottle resume`, with the real Claude Code and Codex: the second turn's request holds the first turn."""

from pathlib import Path

import pytest

from support.agent_apis import AgentApis, MakeApis
from support.agent_kinds import KINDS, TOKEN, VARIABLE, Kind
from support.project import BottleProject
from support.scripts import Say, Script
from support.sites import Site
from support.tmux import Tmux, terminal

SCRIPT = Script(
    turns=(Say("I have read it"),),
    scenarios=((r"the word is walnut", (Say("So noted"),)), (r"which word", (Say("It was that one"),))),
)
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(params=["claude-subscription", "codex-api-key"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def apis(kind: Kind, site: Site, project: BottleProject, make_apis: MakeApis) -> AgentApis:
    made = make_apis(SCRIPT)
    project.write(kind.manifests(made, site.host))
    return made


def socket(project: BottleProject) -> Path:
    return Path(project.environ["TMPDIR"]) / "tmux"


def wait_until_ready(tmux: Tmux, kind: Kind) -> None:
    tmux.wait_for("bypass permissions on" if kind.template == "claude" else "I have read it")


def sent(apis: AgentApis, kind: Kind, since: int = 0) -> list[str]:
    """All that the agent sent after its first `since` requests. Codex sends history once in a connection."""
    return [str(request.body) for request in apis.server(kind.host).recording.requests[since:]]


def test_a_conversation_goes_on_after_a_stop(kind: Kind, apis: AgentApis, project: BottleProject) -> None:
    token = {VARIABLE: TOKEN}
    with terminal(socket(project), project.command("start", "--yes", "coder", environ=token)) as tmux:
        wait_until_ready(tmux, kind)
        tmux.say("the word is walnut")
        tmux.wait_for("So noted")
        (identity,) = [line.split("\t")[0] for line in project.run("list").out.splitlines()]
        stopped = project.run("stop", identity)
        assert tmux.status() == 143
    assert f"bottle resume {identity}" in stopped.err
    assert project.kept() == [identity]

    before = len(sent(apis, kind))
    with terminal(socket(project), project.command("resume", "--yes", identity, environ=token)) as tmux:
        tmux.wait_for("So noted")
        tmux.say("which word")
        tmux.wait_for("It was that one")
        tmux.say("/exit" if kind.template == "claude" else "/quit")
        assert tmux.status() == 0

    again = sent(apis, kind, before)
    assert any("the word is walnut" in body and "So noted" in body for body in again)
    assert any("which word" in body for body in again)
    assert project.kept() == []
