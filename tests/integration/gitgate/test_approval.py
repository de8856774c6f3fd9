"""`push.paths_ask`: the operator sees what a push does to some files, and decides, before it leaves."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from bottle.proc import DEVNULL, PIPE, Command, Process, spawn
from bottle_sidecar.control.protocol import Ask, Decide
from support.gitgate import SECRET, GateLab, Remote, Work
from support.sidecar import WAIT
from support.sshd import Sshd

_WORKFLOW = ".github/workflows/ci.yml"
_branches = count()


@pytest.fixture(scope="module")
def asks(lab: GateLab, sshd: Sshd) -> tuple[Remote, Work]:
    remote = Remote(lab=lab, url=sshd.url("asks"), bare=sshd.bare("asks"))
    return remote, remote.seeded()


class Desk:
    """A working copy, a branch of its own, and the operator who decides."""

    def __init__(self, remote: Remote, work: Work) -> None:
        self.remote = remote
        self.work = work
        self.branch = f"refs/heads/b{next(_branches)}"

    @contextmanager
    def pushing(self, *options: str) -> Iterator[Process]:
        words = ("git", "-C", str(self.work.folder), "push", *options, "origin", f"HEAD:{self.branch}")
        env = {**os.environ, **self.remote.lab.env}
        process = spawn(Command(argv=words, env=env), stdin=DEVNULL, stderr=PIPE, new_session=True)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stderr is not None
            process.stderr.close()

    def asked(self) -> Ask:
        return self.remote.lab.sidecar.asked()

    def abandoned(self) -> Ask:
        """What was asked for a push whose git was killed then, and which the sidecar has given up."""
        with self.pushing() as push:
            ask = self.asked()
            os.killpg(push.pid, signal.SIGKILL)
        deadline = time.monotonic() + WAIT
        while list(self.remote.lab.scratch.glob("push-*")):
            assert time.monotonic() < deadline, "the push is still held"
            time.sleep(0.05)
        return ask

    def decide(self, ask: Ask, *, approved: bool, reason: str = "") -> None:
        self.remote.lab.sidecar.tell(Decide(key=ask.key, approved=approved, reason=reason))

    @property
    def pushed(self) -> bool:
        return self.branch in self.remote.refs()

    def verdicts(self) -> list[str]:
        events = self.remote.lab.sidecar.events
        return [line["verdict"] for line in events if line.get("ref") == self.branch]


@pytest.fixture
def desk(asks: tuple[Remote, Work], tmp_path: Path) -> Iterator[Desk]:
    remote, seeded = asks
    desk = Desk(remote, seeded.copy(tmp_path / "work"))
    yield desk
    assert remote.lab.sidecar.questions.empty()


def said(process: Process) -> str:
    """What git showed, to its end."""
    assert process.stderr is not None
    text = process.stderr.read().decode()
    process.wait()
    return " ".join(text.replace("remote:", " ").split())


def test_a_push_waits_for_the_yes_and_leaves_then(desk: Desk) -> None:
    """A later commit that takes the file away again hides nothing."""
    desk.work.commit(_WORKFLOW, "on: push\n", "a workflow")
    desk.work.git("rm", "--quiet", _WORKFLOW)
    desk.work.git("commit", "--quiet", "--message", "and away")
    with desk.pushing() as push:
        ask = desk.asked()
        before = desk.pushed
        desk.decide(ask, approved=True)
        text = said(push)

    assert push.returncode == 0, text
    assert not before
    assert "who decides with `bottle approve tester-abcde`" in text
    assert ask.what == "push"
    assert ask.title == f"push to asks ({desk.branch}) touches {_WORKFLOW}"
    assert [line for line in ask.text.splitlines() if line[1:] == "on: push"] == ["+on: push", "-on: push"]
    assert "    a workflow" in ask.text
    assert desk.pushed
    assert desk.verdicts() == ["held", "approved", "allowed", "forwarded"]


def test_a_no_is_told_with_its_reason_and_stays(desk: Desk) -> None:
    desk.work.commit(_WORKFLOW, "on: push\n")
    with desk.pushing() as push:
        desk.decide(desk.asked(), approved=False, reason="pin the action, \x1b[31m please")
        text = said(push)
    again = desk.work.push("origin", f"HEAD:{desk.branch}")

    assert push.returncode != 0
    assert "The operator said no to this push. They say: pin the action, \\x1b[31m please" in text
    assert b"The operator said no" in again.stderr
    assert not desk.pushed


def test_who_went_away_finds_the_answer_and_other_commits_ask_anew(desk: Desk) -> None:
    approved = desk.work.commit(_WORKFLOW, "on: push\n")
    ask = desk.abandoned()
    desk.work.git("commit", "--quiet", "--amend", "--message", "another one")
    other = desk.abandoned()
    assert other.key != ask.key
    desk.decide(ask, approved=True)
    desk.work.git("reset", "--quiet", "--hard", approved)

    assert desk.work.push("origin", f"HEAD:{desk.branch}").code == 0
    assert desk.remote.refs()[desk.branch] == approved


def test_one_push_is_held_open_and_the_next_is_told_to_come_back(desk: Desk, tmp_path: Path) -> None:
    """Otherwise pushes that wait would keep all others out."""
    second = Desk(desk.remote, desk.work.copy(tmp_path / "second"))
    third = Desk(desk.remote, desk.work.copy(tmp_path / "third"))
    desk.work.commit(_WORKFLOW, "on: push\n")
    second.work.commit(_WORKFLOW, "on: pull_request\n")
    third.work.commit("README", "other\n")
    with desk.pushing() as push:
        ask = desk.asked()
        with second.pushing() as waiting:
            later = second.asked()
            assert "the operator has not decided yet" in said(waiting)
        assert third.work.push("origin", f"HEAD:{third.branch}").code == 0
        second.decide(later, approved=True)
        assert second.work.push("origin", f"HEAD:{second.branch}").code == 0
        desk.decide(ask, approved=True)
        assert said(push)
    assert (push.returncode, desk.pushed, second.pushed) == (0, True, True)


def test_nobody_is_asked_about_a_push_with_a_secret(desk: Desk) -> None:
    desk.work.commit(_WORKFLOW, f"token: {SECRET}\n")

    refused = desk.work.push("origin", f"HEAD:{desk.branch}")

    assert b"a secret was found" in refused.stderr
    assert not desk.pushed


def test_much_is_shown_cut(desk: Desk) -> None:
    desk.work.commit(_WORKFLOW, "on: push # \x1b[2J\n" * 40_000)
    with desk.pushing() as push:
        ask = desk.asked()
        desk.decide(ask, approved=False)
        assert "said no" in said(push)

    assert ask.text.endswith("[and more]\n")
    assert len(ask.text) < 300_000
