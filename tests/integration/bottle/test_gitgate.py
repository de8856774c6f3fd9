"""Git in a whole bottle, on each back-end: the agent works with its remote and never holds the key."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bottle.proc import Command, run
from support.project import BottleProject, shell_agent
from support.sites import Site
from support.sshd import Sshd, git, keygen


@pytest.fixture
def sshd(site: Site, tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd", host=site.host) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_copies(site: Site) -> Iterator[None]:
    """The copies of upstreams outlive every bottle, but not these tests."""
    yield
    if site.backend == "docker":
        listing = ("docker", "volume", "ls", "--quiet", "--filter", "name=bot-bottle-git-")
        volumes = run(Command(argv=listing, env={**ENVIRONMENT, **site.environ})).text.split()
        for volume in volumes:
            run(Command(argv=("docker", "volume", "rm", volume), env={**ENVIRONMENT, **site.environ}))


ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def agent(sshd: Sshd, *names: str, key: Path | None = None) -> dict[str, str]:
    login = f"identity: '{key or sshd.key}', host_key: '{sshd.host_key()}'"
    repos = "".join(f"\n    {name}: {{url: '{sshd.url(name)}', {login}}}" for name in names)
    gate = f"\n  user: {{name: Ada, email: ada@example.com}}\n  repos:{repos}"
    return shell_agent(**{"git-gate": gate})


def test_an_agent_works_with_its_remote_and_holds_no_key(project: BottleProject, sshd: Sshd) -> None:
    """The second bottle finds the copy that the first made, and nothing that the first did not publish."""
    bare = sshd.bare("one")
    project.write(agent(sshd, "one"))
    key = sshd.key.read_text().splitlines()[3]
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
        env; cat /proc/*/environ /proc/*/cmdline ~/.* 2>/dev/null | tr '\\0' '\\n' || true
    """

    outcome = project.run("run", "shell", script)

    assert outcome.code == 0, outcome.err
    assert "refs/tags/v1" in outcome.out
    assert "aws-access-token: leak.py, line 1, commit " in outcome.err
    assert "git@github.com/some/thing is not declared" in outcome.err
    assert key not in outcome.out
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


def test_a_key_with_a_passphrase_is_refused_before_anything_starts(
    project: BottleProject, sshd: Sshd, tmp_path: Path
) -> None:
    key = keygen(tmp_path / "locked", passphrase="hard to guess")
    project.write(agent(sshd, "one", key=key))

    outcome = project.run("run", "shell", "true")

    assert outcome.code == 4
    assert "is protected by a passphrase" in outcome.err
    assert f"ssh-keygen -p -N '' -f {key}" in outcome.err
