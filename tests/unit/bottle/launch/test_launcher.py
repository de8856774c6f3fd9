import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve

from bottle.assets import Assets
from bottle.backends.base import Streams
from bottle.errors import BottleError
from bottle.launch.keeping import record_of
from bottle.launch.launcher import Launcher, LiveBottle
from bottle.launch.login import Lent, LoginFile
from bottle.launch.overuse import OveruseError
from bottle.launch.signals import Terminated
from bottle.plan import AgentProgram, EnvSource, EnvVariable, Keep, LaunchPlan, Workspace
from bottle.providers.codex import CodexProvider
from bottle.secret import Secret, SecretValues
from bottle.sidecar.process import SidecarError
from bottle.state.audit import AuditLogs
from bottle.state.honeytokens import Honeytokens
from bottle.state.record import Phase
from bottle.state.store import StateStore
from support import logins
from support.fakes import SIDECAR, FakeBackend, FakeBottle, RecordedProgress
from support.plans import IDENTITY, plan

ASSETS = Assets(root=Path("/nonexistent"), digest="d1")
ENV = (
    EnvVariable(name="PLAIN", source=EnvSource.LITERAL, value="plain"),
    EnvVariable(name="ASKED", source=EnvSource.PROMPT),
)
SECRETS = SecretValues(
    tokens={"TOKEN": Secret("token-value")},
    env={"ASKED": Secret("asked-value")},
    placeholders={"TOKEN": "the-placeholder"},
    upstream_proxy=Secret("http://proxy"),
)
TELLS = 'flush=True)\nprint(json.dumps({"kind": "exceeded", "used": 1 << 40}), flush=True)\n'
CHANGE = b'{"path": "a", "kind": "file", "mode": 420, "size": 1, "data": [[0, 1]]}\nxwhole\n'
END = b'{"end": true}\n'
STEPS = ["build d1", "sidecar", f"create {IDENTITY}", "put /home/agent", "put /run"]


@define
class Stage:
    """A back-end, a state folder, and what was recorded of a launch."""

    store: StateStore
    logs: AuditLogs
    backend: FakeBackend
    progress: RecordedProgress

    @property
    def bottle(self) -> FakeBottle:
        return self.backend.bottles[IDENTITY]

    def launch(self, work: Any, launched: LaunchPlan | None = None, lent: Lent | None = None) -> int:
        launcher = Launcher(
            backend=self.backend, store=self.store, logs=self.logs, progress=self.progress, lent=lent
        )
        return launcher.run(launched or plan(env=ENV), SECRETS, ASSETS, work)

    @contextmanager
    def held(self, launched: LaunchPlan, **changes: Any) -> Iterator[None]:
        """What `launched` goes on with, where it does."""
        if not launched.resume:
            yield
            return
        with self.store.claim(evolve(record_of(launched), **{"phase": Phase.KEPT, **changes})):
            self.store.preserve(IDENTITY)
        yield


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    store = StateStore(tmp_path / "state", tmp_path / "run")
    return Stage(store, AuditLogs(folder=tmp_path / "logs"), FakeBackend(), RecordedProgress())


def test_the_steps_come_in_order_and_the_status_is_the_work_s(stage: Stage) -> None:
    live_during = []

    def work(live: LiveBottle) -> int:
        live_during.extend(stage.store.live())
        return 37

    assert stage.launch(work) == 37
    assert stage.backend.calls == [*STEPS, "remove"]
    assert [(record.identity, record.phase) for record in live_during] == [(IDENTITY, Phase.RUNNING)]
    assert stage.store.entries() == []
    assert stage.progress.notes == [f"{IDENTITY}: CA fingerprint F"]


def test_the_workspace_is_copied_in_where_the_plan_has_one(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "file").write_text("x")
    stage.launch(lambda live: 0, plan(workspace=Workspace(source=tmp_path / "here")))

    assert stage.backend.calls == [*STEPS, "put /workspace", "start date", "changes", "remove"]
    assert set(stage.bottle.members("/workspace")) == {".", "./file"}


@pytest.mark.parametrize(("changed", "kept"), [(END, False), (CHANGE + END, True), (CHANGE, True)])
def test_a_workspace_is_kept_for_what_was_changed_or_cannot_be_told(
    stage: Stage, tmp_path: Path, changed: bytes, *, kept: bool
) -> None:
    (tmp_path / "here").mkdir()
    stage.backend.bottles[IDENTITY] = FakeBottle(
        identity=IDENTITY, calls=stage.backend.calls, changed=changed
    )
    stage.launch(lambda live: 0, plan(workspace=Workspace(source=tmp_path / "here")))

    assert stage.backend.calls[-2:] == ["changes", "suspend" if kept else "remove"]
    told = f"{IDENTITY}: kept; to go on: bottle resume {IDENTITY}; what it changed: bottle diff {IDENTITY}"
    assert (told in stage.progress.notes) == kept


@pytest.mark.parametrize("step", ["sidecar", "create", "put"])
def test_what_fails_is_taken_down_and_told(stage: Stage, step: str) -> None:
    stage.backend.bottles[IDENTITY] = FakeBottle(
        identity=IDENTITY, calls=stage.backend.calls, failing=frozenset({step})
    )
    with pytest.raises(BottleError, match=f"{step}.* failed"):
        stage.launch(lambda live: 0)

    assert stage.backend.calls[-1] == "remove"
    assert stage.store.entries() == []


def test_a_sidecar_that_does_not_start_stops_the_launch_before_a_sandbox_is_made(stage: Stage) -> None:
    stage.backend.bottles[IDENTITY] = FakeBottle(
        identity=IDENTITY,
        calls=stage.backend.calls,
        sidecar_program=(sys.executable, "-c", "import sys; sys.exit('broken')"),
    )
    with pytest.raises(SidecarError, match="broken"):
        stage.launch(lambda live: 0)

    assert stage.backend.calls == ["build d1", "sidecar", "remove"]


def test_an_agent_whose_way_out_died_is_told_of(stage: Stage) -> None:
    ready_then_gone = SIDECAR.replace('"F"', "str(os.getpid())").partition("for line in sys.stdin")[0]
    stage.backend.bottles[IDENTITY] = FakeBottle(
        identity=IDENTITY,
        calls=stage.backend.calls,
        sidecar_program=(sys.executable, "-c", f"import os\n{ready_then_gone}"),
    )

    def work(live: LiveBottle) -> int:
        pid = int(stage.progress.notes[-1].rpartition(" ")[2])
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return 0

    with pytest.raises(SidecarError, match="died; the agent had no way out"):
        stage.launch(work, plan(env=ENV, program=CONVERSES))
    assert stage.store.kept(IDENTITY).record, "its status 0 is no good end"


def test_a_bottle_that_holds_too_much_is_ended_and_taken_down(stage: Stage) -> None:
    stage.backend.bottles[IDENTITY] = FakeBottle(identity=IDENTITY, calls=stage.backend.calls, used=30 << 30)
    with pytest.raises(OveruseError, match="used 30 GiB of its 20 GiB"):
        stage.launch(lambda live: 0)

    assert stage.backend.calls[3:] == ["halt", *STEPS[3:], "remove"]
    assert stage.store.entries() == []


def test_limits_that_do_not_hold_are_told(stage: Stage) -> None:
    stage.backend.bottles[IDENTITY] = FakeBottle(
        identity=IDENTITY, calls=stage.backend.calls, not_limited=("memory", "cpus")
    )
    stage.launch(lambda live: 0)

    assert stage.progress.notes[1:] == [
        f"{IDENTITY}: no control group can be made here; not limited: cpus, memory"
    ]


def test_a_sidecar_that_measures_is_listened_to(stage: Stage) -> None:
    bottle = stage.backend.bottles[IDENTITY] = FakeBottle(
        identity=IDENTITY, calls=stage.backend.calls, measures=True, used=None
    )
    bottle.sidecar_program = (sys.executable, "-c", SIDECAR.replace("flush=True)\n", TELLS, 1))
    with pytest.raises(OveruseError, match="used 1 TiB of its 20 GiB"):
        stage.launch(lambda live: 0 if bottle.halted.wait(30) else 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_takes_everything_down(stage: Stage, number: signal.Signals) -> None:
    def work(live: LiveBottle) -> int:
        os.kill(os.getpid(), number)
        signal.pause()
        return 0

    with pytest.raises(Terminated) as caught:
        stage.launch(work)

    assert caught.value.signum == number
    assert stage.backend.calls[-1] == "remove"
    assert stage.store.entries() == []


def test_an_impatient_second_signal_does_not_cut_the_teardown_short(stage: Stage) -> None:
    @define(kw_only=True)
    class Slow(FakeBottle):
        def remove(self) -> None:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(os.getpid(), number)
            super().remove()

    stage.backend.bottles[IDENTITY] = Slow(identity=IDENTITY, calls=stage.backend.calls)

    assert stage.launch(lambda live: 5) == 5
    assert stage.store.entries() == []


def test_the_agent_gets_its_environment_and_nothing_of_the_sidecar_s(stage: Stage) -> None:
    seen: dict[str, dict[str, str]] = {}

    def work(live: LiveBottle) -> int:
        seen["env"] = dict(live.env)
        assert "-value" not in repr(live)
        done = live.capture(("sh", "-c", "echo $PLAIN $ASKED; echo $TOKEN >&2; exit 3"))
        assert (done.code, done.text, done.stderr) == (3, "plain asked-value", b"\n")
        with open(os.devnull, "r+b") as nothing:  # noqa: PTH123
            number = nothing.fileno()
            agent = live.start_agent(streams=Streams(stdin=number, stdout=number, stderr=number))
        return agent.wait()

    program = AgentProgram(template="shell", argv=("sh", "-c", "exit 9"))

    assert stage.launch(work, plan(env=ENV, program=program)) == 9
    assert seen["env"] == {"PLAIN": "plain", "ASKED": "asked-value"}
    assert [request.cwd for request in stage.bottle.requests] == ["/workspace", "/workspace"]
    assert b"token-value" not in b"".join(stage.bottle.files.values())


def test_no_secret_is_in_the_state_folder_while_it_runs(stage: Stage) -> None:
    def work(live: LiveBottle) -> int:
        texts = [path.read_bytes() for path in stage.store.root.rglob("*") if path.is_file()]
        assert texts
        assert not any(b"-value" in text for text in texts)
        return 0

    assert stage.launch(work) == 0


def test_the_record_names_this_process_as_owner() -> None:
    made = record_of(plan())

    assert (made.identity, made.owner_pid, made.provider) == (IDENTITY, os.getpid(), "shell")
    assert evolve(made, created=0.0) == evolve(record_of(plan()), created=0.0)


@pytest.mark.parametrize(("code", "starts"), [(0, True), (3, False)])
def test_agent_starts_only_where_its_check_succeeds(stage: Stage, code: int, *, starts: bool) -> None:
    check = ("sh", "-c", f"echo not logged in >&2; exit {code}")
    program = AgentProgram(template="codex", argv=("codex",), check=check)
    started = []

    def work(live: LiveBottle) -> int:
        started.append(live)
        return 0

    if starts:
        assert stage.launch(work, plan(env=ENV, program=program)) == 0
    else:
        with pytest.raises(BottleError, match=f"failed in {IDENTITY}: not logged in"):
            stage.launch(work, plan(env=ENV, program=program))

    assert bool(started) is starts
    assert stage.store.entries() == []


@pytest.mark.parametrize("interactive", [True, False])
def test_expired_login_is_told_while_nobody_is_at_the_screen(
    stage: Stage, tmp_path: Path, *, interactive: bool
) -> None:
    path = tmp_path / "auth.json"
    logins.write(path, logins.auth_json(logins.access_token(expires=2)))
    lent = Lent.of(LoginFile(path=path, provider=CodexProvider()), now=1.0)
    during = []

    def expired() -> bool:
        return any("the login has expired" in note for note in stage.progress.notes)

    def work(live: LiveBottle) -> int:
        deadline = time.monotonic() + (4 if interactive else 60)
        while not expired() and time.monotonic() < deadline:
            time.sleep(0.05)
        during.append(expired())
        return 0

    stage.launch(work, plan(env=ENV, interactive=interactive), lent)

    assert during == [not interactive]
    assert expired()


CONVERSES = AgentProgram(template="claude", argv=("claude",), converses=True)
HERE = Workspace(source=Path("/nonexistent"))


@pytest.mark.parametrize(
    ("changes", "status", "kept"),
    [
        ({}, 0, False),
        ({}, 1, False),
        ({"program": CONVERSES}, 0, False),
        ({"program": CONVERSES}, 1, True),
        ({"program": CONVERSES}, 143, True),
        ({"keep": Keep.ALWAYS}, 0, True),
        ({"resume": True, "workspace": HERE}, 0, True),
        ({"program": CONVERSES, "keep": Keep.NEVER}, 1, False),
    ],
)
def test_what_is_kept(stage: Stage, changes: dict[str, Any], status: int, *, kept: bool) -> None:
    launched = plan(env=ENV, **changes)
    with stage.held(launched):
        assert stage.launch(lambda live: status, launched) == status

    assert stage.backend.calls[-1] == ("suspend" if kept else "remove")
    found = [
        (entry.kept, entry.record and entry.record.phase, entry.record and entry.record.status)
        for entry in stage.store.entries()
    ]
    assert found == ([(True, Phase.KEPT, status)] if kept else [])
    told = f"{IDENTITY}: kept; to go on: bottle resume {IDENTITY}"
    assert any(note.startswith(told) for note in stage.progress.notes) == kept


def test_the_mark_and_the_placeholders_are_there_before_the_agent_starts(stage: Stage) -> None:
    def work(live: LiveBottle) -> int:
        folder = stage.store.folder(IDENTITY)
        assert stage.store.preserved(IDENTITY)
        assert Honeytokens.read(folder).placeholders == {"TOKEN": "the-placeholder"}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage.launch(work, plan(env=ENV, program=CONVERSES))

    assert stage.store.kept(IDENTITY).record
    assert stage.backend.calls[-1] == "suspend"


def test_a_launch_that_fails_before_its_agent_starts_keeps_nothing_new(stage: Stage) -> None:
    stage.backend.bottles[IDENTITY] = FakeBottle(
        identity=IDENTITY, calls=stage.backend.calls, failing=frozenset({"put"})
    )
    with pytest.raises(BottleError, match="failed"):
        stage.launch(lambda live: 0, plan(env=ENV, program=CONVERSES))
    assert stage.store.entries() == []

    launched = plan(env=ENV, program=CONVERSES, resume=True)
    with stage.held(launched, status=7), pytest.raises(BottleError, match="failed"):
        stage.launch(lambda live: 0, launched)
    record = stage.store.kept(IDENTITY).record
    assert record
    assert (record.phase, record.status) == (Phase.KEPT, 7)


def test_a_resume_leaves_the_workspace_and_when_it_was_made(stage: Stage) -> None:
    launched = plan(env=ENV, program=CONVERSES, resume=True, workspace=HERE)
    with stage.held(launched, created=1.0):
        stage.launch(lambda live: 3, launched)

    assert "put /workspace" not in stage.backend.calls
    record = stage.store.kept(IDENTITY).record
    assert record
    assert (record.created, record.owner_pid) == (1.0, os.getpid())


def test_a_resume_of_what_is_gone_changes_nothing(stage: Stage) -> None:
    """On another engine empty volumes would be made, and taken for what was kept."""
    launched = plan(env=ENV, program=CONVERSES, resume=True)
    stage.backend.bottles[IDENTITY] = FakeBottle(identity=IDENTITY, calls=stage.backend.calls, lost=True)
    with stage.held(launched, status=7), pytest.raises(BottleError, match="has no home and workspace of"):
        stage.launch(lambda live: 0, launched)
    record = stage.store.kept(IDENTITY).record

    assert record
    assert (record.phase, record.status) == (Phase.KEPT, 7)
    assert stage.backend.calls == ["build d1"]


def test_a_resume_ends_what_its_killed_owner_left_and_is_one_at_a_time(stage: Stage) -> None:
    launched = plan(env=ENV, program=CONVERSES, resume=True)

    def work(live: LiveBottle) -> int:
        with pytest.raises(BottleError, match=f"{IDENTITY} is running"):
            stage.launch(lambda live: 0, launched)
        return 0

    with stage.held(launched, phase=Phase.RUNNING):
        assert stage.launch(work, launched) == 0

    assert stage.backend.calls[:2] == ["build d1", "suspend"]
    assert stage.store.entries() == []
