"""`bottle resume`, with the real Claude Code and Codex: the second turn's request holds the first turn."""

import shutil
from pathlib import Path

import pytest

from bottle.proc import end
from support.agent_apis import AgentApis, MakeApis
from support.agent_kinds import KINDS, TOKEN, VARIABLE, Kind
from support.docker_lab import wait_for
from support.project import BottleProject, shell_agent
from support.remains import Remains, kill_all
from support.scripts import RunShell, Say, Script
from support.sites import Site
from support.tmux import Tmux, terminal

SCRIPT = Script(
    turns=(Say("I have read it"),),
    scenarios=(
        (r"the word is walnut", (Say("So noted"),)),
        (r"the word is chestnut", (RunShell("touch started; exec sleep 1000"),)),
        (r"which word", (Say("It was that one"),)),
    ),
)
TOKENS = {VARIABLE: TOKEN}
SECONDS = 60.0
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
    return project.folder / "tmux"


def wait_until_ready(tmux: Tmux, kind: Kind) -> None:
    tmux.wait_for("bypass permissions on" if kind.template == "claude" else "I have read it")


def running(project: BottleProject) -> str:
    """The identity of the one bottle in which something can be done."""
    found: list[str] = []

    def is_up() -> bool:
        found[:] = [line.split("\t")[0] for line in project.run("list").out.splitlines() if "running" in line]
        return bool(found)

    wait_for(is_up, "a bottle that runs")
    return found[0]


def sent(apis: AgentApis, kind: Kind, since: int = 0) -> list[str]:
    """All that the agent sent after its first `since` requests. Codex sends history once in a connection."""
    return [str(request.body) for request in apis.server(kind.host).recording.requests[since:]]


def leave(tmux: Tmux, kind: Kind) -> None:
    tmux.say("/exit" if kind.template == "claude" else "/quit")
    assert tmux.status() == 0


def test_a_conversation_goes_on_after_a_stop(kind: Kind, apis: AgentApis, project: BottleProject) -> None:
    """It began at a terminal, and goes on without one."""
    with terminal(socket(project), project.command("start", "--yes", "coder", environ=TOKENS)) as tmux:
        wait_until_ready(tmux, kind)
        tmux.say("the word is walnut")
        tmux.wait_for("So noted")
        identity = running(project)
        stopped = project.run("stop", identity)
        assert tmux.status() == 143
    assert f"bottle resume {identity}" in stopped.err
    assert project.kept() == [identity]

    since = len(sent(apis, kind))
    outcome = project.run("resume", identity, "which word", **TOKENS)

    assert (outcome.code, outcome.out.strip()) == (0, "It was that one"), outcome.err
    assert any("the word is walnut" in body and "So noted" in body for body in sent(apis, kind, since))
    assert project.kept() == []


def test_a_conversation_goes_on_after_everything_was_killed_and_the_machine_started_anew(
    kind: Kind, apis: AgentApis, project: BottleProject, tmp_path: Path
) -> None:
    """It began without a terminal, and goes on at one.

    Also: `cleanup` leaves it; a shell that ended well is not kept; afterwards nothing is left.
    """
    project.write(shell_agent())
    assert project.run("run", "shell", "true").code == 0
    before = Remains.now(project)
    with (tmp_path / "out").open("wb") as output:
        owner = project.spawn("run", "coder", "the word is chestnut", stdout=output, **TOKENS)
    identity = running(project)
    wait_for(lambda: project.run("exec", identity, "test", "-e", "started").code == 0, "the agent's command")
    kill_all(project)
    end(owner)
    runtime = Path(project.environ["XDG_RUNTIME_DIR"])
    shutil.rmtree(runtime)
    runtime.mkdir(mode=0o700)
    assert project.run("list", "kept").out.split("\t")[6] == "killed"
    cleaned = project.run("cleanup", "--yes")
    assert (cleaned.code, project.kept()) == (0, [identity]), cleaned.err

    since = len(sent(apis, kind))
    with terminal(socket(project), project.command("resume", "--yes", identity, environ=TOKENS)) as tmux:
        tmux.wait_for("the word is chestnut")
        tmux.say("which word")
        tmux.wait_for("It was that one")
        leave(tmux, kind)

    assert any("the word is chestnut" in body for body in sent(apis, kind, since))
    assert project.kept() == []
    assert Remains.left_since(project, before, SECONDS) == []
    log = project.run("log", "--verify", identity)
    assert log.code == 0, log.out


@pytest.mark.parametrize("kind", [KINDS["claude-subscription"]])
@pytest.mark.parametrize("site", ["native"], indirect=True)
def test_without_a_conversation_yet_one_begins(kind: Kind, apis: AgentApis, project: BottleProject) -> None:
    """`claude --continue` would end at once."""
    del apis
    with terminal(socket(project), project.command("start", "--yes", "coder", environ=TOKENS)) as tmux:
        wait_until_ready(tmux, kind)
        identity = running(project)
        assert project.run("stop", identity).code == 0
    with terminal(socket(project), project.command("resume", "--yes", identity, environ=TOKENS)) as tmux:
        wait_until_ready(tmux, kind)
        leave(tmux, kind)
