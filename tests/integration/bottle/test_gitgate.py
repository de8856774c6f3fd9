"""The git gate of a whole bottle, on each back-end: what it refuses, and what two bottles share."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gitgate import gate_agent, remove_copies
from support.project import BottleProject, operator_environment
from support.sites import Site
from support.sshd import Sshd, git, keygen

WAIT = 45.0


@pytest.fixture
def sshd(site: Site, tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd", host=site.host) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_copies(site: Site) -> Iterator[None]:
    """The copies of upstreams outlive every bottle, but not these tests."""
    yield
    if site.backend == "docker":
        remove_copies(operator_environment(site.environ))


def test_what_is_refused_is_said_and_the_next_bottle_does_not_see_it(
    project: BottleProject, sshd: Sshd
) -> None:
    """The second bottle finds the copy that the first made, and nothing that the first did not publish."""
    bare = sshd.bare("one")
    project.write(gate_agent(sshd, "one"))
    script = f"""
        set -e
        git clone --quiet {sshd.url("one")} one && cd one
        echo hello > README && git add . && git commit --quiet -m first && git tag -a v1 -m one
        git push --quiet origin HEAD:main v1
        git fetch --quiet && git ls-remote origin
        cat > leak.py <<< 'key = "AKIA''Z5QF7KXN2WTR4VBM"' && git add . && git commit --quiet -m leak
        git push origin HEAD:main && exit 3
        git rev-parse HEAD
        git ls-remote ssh://git@github.com/some/thing && exit 4
        true
    """

    outcome = project.run("run", "shell", script)

    assert outcome.code == 0, outcome.err
    assert "refs/tags/v1" in outcome.out
    assert "aws-access-token: leak.py, line 1, commit " in outcome.err
    assert "git@github.com/some/thing is not declared" in outcome.err
    log = git("-C", str(bare), "log", "--format=%an <%ae> %s", "main").text
    assert log.strip() == "Ada <ada@example.com> first"

    refused = next(line for line in outcome.out.splitlines() if len(line) == 40)
    again = f"""
        git clone --quiet {sshd.url("one")} one && cd one && cat README && git fetch --quiet origin {refused}
    """
    second = project.run("run", "shell", again)

    assert second.code != 0
    assert second.out == "hello\n"
    assert "not our ref" in second.err


def test_a_push_waits_for_what_the_operator_says(project: BottleProject, sshd: Sshd, tmp_path: Path) -> None:
    bare = sshd.bare("one")
    project.write(gate_agent(sshd, "one", push="{paths_ask: ['.github/*']}"))
    script = f"""
        set -e
        git clone --quiet {sshd.url("one")} one && cd one && mkdir .github
        echo 'on: push' > .github/ci.yml && git add . && git commit --quiet -m workflow
        git push origin HEAD:main || exit 3
        echo more >> .github/ci.yml && git commit --quiet -am more
        git push origin HEAD:main && exit 4
        exit 0
    """
    said = tmp_path / "said"
    with said.open("wb") as out:
        process = project.spawn("run", "shell", f"exec 2>&1; {script}", stdout=out)
    try:
        first = asked(project)
        assert "+on: push" in project.run("proposals", first, "1").out
        assert project.run("approve", "--yes", first).code == 0
        second = asked(project)
        assert project.run("reject", second, "--reason", "one is enough").code == 0
        assert process.wait(timeout=WAIT) == 0, said.read_text()
    finally:
        process.terminate()
        process.wait()
    assert first == second
    assert "They say: one is enough" in said.read_text()
    assert git("-C", str(bare), "log", "--format=%s", "main").text.split() == ["workflow"]
    entries = json.loads(project.run("log", first, "--json").out)["data"]
    verdicts = [entry["verdict"] for entry in entries if "ref" in entry]
    assert verdicts == ["held", "approved", "allowed", "forwarded", "held", "declined", "refused"]


def asked(project: BottleProject) -> str:
    """The bottle that asks, once it does."""
    deadline = time.monotonic() + WAIT
    while not (listed := project.run("proposals").out):
        assert time.monotonic() < deadline, "nothing was asked"
        time.sleep(0.2)
    return listed.split("\t")[0]


def test_a_key_with_a_passphrase_is_refused_before_anything_starts(
    project: BottleProject, sshd: Sshd, tmp_path: Path
) -> None:
    key = keygen(tmp_path / "locked", passphrase="hard to guess")
    project.write(gate_agent(sshd, "one", key=key))

    outcome = project.run("run", "shell", "true")

    assert outcome.code == 4
    assert "is protected by a passphrase" in outcome.err
    assert f"ssh-keygen -p -N '' -f {key}" in outcome.err
