"""What a bottle without a conversation keeps, who may have it, and that nothing of it is left in the end."""

import os
import shutil
from pathlib import Path

import pytest

from bottle.backends.native.accounts import FIRST_UID
from bottle.proc import Command, end, run
from integration.bottle.conftest import BACKENDS
from support.agent_apis import ANTHROPIC_HOST, MakeApis
from support.agent_kinds import TOKEN, VARIABLE
from support.docker_lab import wait_for
from support.project import BottleProject, shell_agent
from support.remains import Remains
from support.scripts import Script
from support.sites import Site

SECONDS = 60.0
CALL = (
    "curl -s -o /dev/null -w '%{http_code}' https://api.anthropic.com/v1/messages "
    """-d '{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'"""
)
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("site", [*BACKENDS, "gvisor"], indirect=True)
def test_a_workspace_is_kept_after_a_crash_goes_on_once_at_a_time_and_is_gone_when_discarded(
    project: BottleProject, tmp_path: Path
) -> None:
    project.write(shell_agent())
    project.command()
    (project.cwd / "mine").write_text("mine\n")
    assert project.run("run", "shell", "true").code == 0
    assert project.run("run", "--cwd", "shell", "cat mine").code == 0
    assert project.kept() == [], "nothing was changed"
    before = Remains.now(project)
    crashed = project.run("run", "--cwd", "shell", "echo kept | tee note ~/note; exit 3")
    (identity,) = project.kept()

    assert crashed.code == 3
    told = f"kept; to go on: bottle resume {identity}; what it changed: bottle diff {identity}\n"
    assert crashed.err.endswith(told)
    assert project.run("diff", "--name-status", identity).out == "A\tnote\n"
    row = project.run("list", "kept").out.rstrip("\n").split("\t")
    assert row[6:] == ["3", str(project.cwd)]
    assert project.run("cleanup", "--yes").out == ""

    # Nothing needs the directory to be the current one, or the operator to say again what came in.
    with (tmp_path / "out").open("wb") as output:
        first = project.spawn("resume", identity, "cat note ~/note mine; sleep 1000", stdout=output)
    wait_for(lambda: "mine" in (tmp_path / "out").read_text(), "the first resume")
    second = project.run("resume", identity, "true")
    stopped = project.run("stop", identity)
    end(first)

    assert (tmp_path / "out").read_text().split("\n")[1:4] == ["kept", "kept", "mine"]
    assert (second.code, f"{identity} is running" in second.err) == (1, True)
    assert (stopped.code, f"bottle discard {identity}" in stopped.err) == (0, True)
    assert project.run("discard", "--yes", identity).code == 0
    assert Remains.left_since(project, before, SECONDS) == []
    assert (project.cwd / "mine").read_text() == "mine\n"
    assert not (project.cwd / "note").exists()


def test_a_shell_is_kept_where_that_was_asked_for_until_it_is_discarded(project: BottleProject) -> None:
    project.write(shell_agent())
    assert project.run("run", "--keep", "shell", "echo kept > ~/note").code == 0
    (identity,) = project.kept()
    resumed = project.run("resume", identity, "cat ~/note")

    assert (resumed.code, resumed.out) == (0, "kept\n"), resumed.err
    assert project.kept() == [identity]

    lose(project, identity)
    lost = project.run("resume", identity, "true")

    assert (lost.code, "has no home and workspace" in lost.err) == (1, True)
    assert project.kept() == [identity]


def lose(project: BottleProject, identity: str) -> None:
    """As by `docker volume prune`, or a hand that tidies up."""
    if project.environ["BOT_BOTTLE_BACKEND"] == "native":
        shutil.rmtree(project.home / "native" / identity)
        return
    volume = f"bot-bottle-{identity}-home"
    run(Command(argv=("docker", "volume", "rm", volume), env=project.environ))


@pytest.mark.parametrize("site", ["native"], indirect=True)
def test_what_was_spent_before_counts(project: BottleProject, site: Site, make_apis: MakeApis) -> None:
    apis = make_apis(Script())
    route = (
        f"{{host: {ANTHROPIC_HOST}, address: '{site.host}:{apis.anthropic.port}', "
        f"ca_file: {apis.authority.certificate}, auth: {{scheme: Bearer, token_ref: {VARIABLE}}}}}"
    )
    project.write(shell_agent([route], budget="{requests: 1}"))
    token = {VARIABLE: TOKEN}
    first = project.run("run", "--keep", "shell", CALL, **token)
    (identity,) = project.kept()
    second = project.run("resume", identity, CALL, **token)

    assert (first.out, second.out) == ("200", "400"), first.err + second.err
    assert len(apis.anthropic.recording.requests) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root's bottles have users of their own")
@pytest.mark.parametrize("site", ["native"], indirect=True)
def test_files_are_handed_over_where_another_bottle_has_the_user_since_a_reboot(
    project: BottleProject,
) -> None:
    """Those of its home, and those over the host's directory; what the bottle removed stays removed."""
    project.write(shell_agent())
    project.command()
    for name in ("mine", "removed"):
        (project.cwd / name).write_text("the host's\n")
    task = "umask 077; echo kept > ~/note; echo changed > mine; rm removed; mkdir new"
    assert project.run("run", "--cwd", "shell", task).code == 0
    (identity,) = project.kept()
    note = project.home / "native" / identity / "home" / "note"
    before = note.stat().st_uid
    runtime = Path(project.environ["XDG_RUNTIME_DIR"]) / "bot-bottle"
    shutil.rmtree(runtime)
    for folder in (runtime, runtime / "native", runtime / "native" / ".users"):
        folder.mkdir(mode=0o700)
    (folder / str((before - FIRST_UID) // 2)).symlink_to("other-abcde")

    resumed = project.run("resume", identity, "echo more | tee -a ~/note >> mine; cat ~/note mine; ls")

    assert (resumed.code, resumed.out) == (0, "kept\nmore\nchanged\nmore\nmine\nnew\n"), resumed.err
    assert (project.cwd / "mine").read_text() == "the host's\n"
    assert note.stat().st_uid != before


@pytest.mark.parametrize("site", ["native"], indirect=True)
def test_a_session_that_was_left_is_kept_and_left_again(project: BottleProject) -> None:
    """Whoever leaves it must not take it away, though it was the one that asked for it."""
    project.write(shell_agent())
    started = project.run("start", "--yes", "--detach", "--keep", "shell")
    identity = started.out.strip()
    assert started.code == 0, started.err
    assert project.run("exec", identity, "sh", "-c", "echo kept > ~/note").code == 0
    assert project.run("stop", identity).code == 0
    told = project.run("attach", identity)
    assert f"hint: bottle resume {identity}" in told.err

    resumed = project.run("resume", "--yes", "--detach", identity)

    assert (resumed.code, resumed.out) == (0, f"{identity}\n"), resumed.err
    runtime = Path(project.environ["XDG_RUNTIME_DIR"]) / "bot-bottle" / identity
    assert (runtime / "attach.sock").exists()
    assert project.run("exec", identity, "sh", "-c", "cat ~/note").out == "kept\n"
    assert project.run("stop", identity).code == 0
    assert project.kept() == [identity]
