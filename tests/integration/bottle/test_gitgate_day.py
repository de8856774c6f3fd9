"""A day's work with git in one whole bottle on each back-end, and the search for the key in it."""

import base64
import re
import shlex
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from attrs import frozen

from bottle.proc import Command, run
from integration.bottle.conftest import BACKENDS
from support.gitgate import gate_agent, remove_copies
from support.project import BottleProject, Outcome, operator_environment
from support.sites import site_of
from support.sshd import Sshd, git

MARKER = "7e1c0d-what-the-search-must-find"
TRACES = Path(__file__).parents[2] / "support" / "traces.pl"
_PLANTING = 'local $/; open F, "planted"; $ENV{M} = <F>; exec "perl", "-e", "sleep 60", $ENV{M}'
STEPS: Mapping[str, str] = {
    "clone": "git clone --quiet $ONE one; cd one; echo hello > README; git add .; git commit -qm first",
    "push a branch": "cd one; git push --quiet origin HEAD:main HEAD:topic; git branch -q -u origin/main",
    "push a tag": "cd one; git tag -a v1 -m one; git push --quiet origin v1",
    "ls-remote": "test $(git ls-remote $ONE refs/heads/main refs/heads/topic refs/tags/v1 | wc -l) = 3",
    "fetch": (
        "git clone --quiet $ONE other; cd other; echo more >> README; git commit --quiet -am second;"
        "git push --quiet origin HEAD:main; cd ../one; git fetch --quiet;"
        "test $(git rev-parse origin/main) = $(git -C ../other rev-parse HEAD)"
    ),
    "pull": "cd one; git pull --quiet --ff-only origin main; test $(git log --format=%s -1) = second",
    "shallow clone": "git clone --quiet --depth=1 $ONE thin; test $(git -C thin rev-list --count HEAD) = 1",
    "force push": (
        "cd one; git commit --quiet --amend -m again; if git push -q origin HEAD:main; then exit 1; fi;"
        "git push --quiet --force origin HEAD:main"
    ),
    "deletion": 'cd one; git push --quiet origin :topic; test -z "$(git ls-remote origin topic)"',
    "submodule": (
        "git clone --quiet $TWO two; cd two; echo two > README; git add .; git commit --quiet -m two;"
        "git push --quiet origin HEAD:main; cd ../one; git submodule --quiet add $TWO sub;"
        "git commit --quiet -m third; git push --quiet origin HEAD:main; cd ..;"
        "git clone --quiet --recurse-submodules $ONE whole; test $(cat whole/sub/README) = two"
    ),
}


@frozen(kw_only=True)
class Day:
    """What came of it. `steps`: status and output of each; `traces`: lines of `traces.pl`."""

    sshd: Sshd
    repos: tuple[Path, Path]
    outcome: Outcome
    steps: Mapping[str, tuple[int, str]]
    traces: tuple[str, ...]


@pytest.fixture(scope="module", params=BACKENDS)
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    site = site_of(request.param, lambda: request.getfixturevalue("engine"))
    folder = tmp_path_factory.mktemp("day")
    since = int(time.time())
    with tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp") as runtime:
        environ = operator_environment({**site.environ, "XDG_RUNTIME_DIR": runtime})
        project = BottleProject(folder=folder, environ=environ)
        with Sshd(folder / "sshd", host=site.host) as sshd:
            repos = (sshd.bare("one"), sshd.bare("two"))
            project.write(gate_agent(sshd, "one", "two"))
            outcome = project.run("run", "shell", _script(sshd, since))
            yield _read(sshd, repos, outcome)
    if site.backend == "docker":
        remove_copies(environ)


def _script(sshd: Sshd, since: int) -> str:
    lines = [f"export ONE={sshd.url('one')} TWO={sshd.url('two')}", "cd"]
    for name, script in STEPS.items():
        lines.append(f'said=$(bash -ec {shlex.quote(script)} 2>&1); echo "@step $? {name}@$said"')
    needles = {"marker": MARKER.encode(), **_secrets(sshd)}
    words = " ".join(f"{name}={needle[::-1].hex()}" for name, needle in needles.items())
    lines += [
        f"perl -e 'print scalar reverse \"{MARKER[::-1]}\"' > planted",
        f"perl -e {shlex.quote(_PLANTING)} > /dev/null 2>&1 &",
        f"cat > traces.pl <<'END'\n{TRACES.read_text()}\nEND",
        f"echo @traces@; perl traces.pl {since} {words}",
    ]
    return "\n".join(lines)


def _secrets(sshd: Sshd) -> dict[str, bytes]:
    """The lines of the key's file that say the secret, and the secret itself."""
    lines = sshd.key.read_text().splitlines()
    public = base64.b64decode(sshd.key.with_suffix(".pub").read_text().split()[1])[-32:]
    blob = base64.b64decode("".join(lines[1:-1]))
    seed = blob[blob.rindex(public) - 32 : blob.rindex(public)]
    return {"line3": lines[3].encode(), "line4": lines[4].encode(), "seed": seed}


def _read(sshd: Sshd, repos: tuple[Path, Path], outcome: Outcome) -> Day:
    done, _, traces = outcome.out.partition("@traces@")
    found = re.findall(r"@step (\d+) ([^@]+)@([^@]*)", done)
    steps = {name: (int(code), said) for code, name, said in found}
    return Day(
        sshd=sshd, repos=repos, outcome=outcome, steps=steps, traces=tuple(traces.strip().splitlines())
    )


@pytest.mark.parametrize("step", STEPS)
def test_git_works_as_without_a_bottle(day: Day, step: str) -> None:
    assert step in day.steps, day.outcome
    code, said = day.steps[step]
    assert code == 0, said


def test_the_upstream_has_the_work_under_the_identity_of_the_manifest(day: Day) -> None:
    people = "%an <%ae> %cn <%ce>"
    for repo in day.repos:
        log = git("-C", str(repo), "log", "--all", f"--format={people}").text.splitlines()
        assert set(log) == {"Ada <ada@example.com> Ada <ada@example.com>"}
    one = git(
        "-C", str(day.repos[0]), "for-each-ref", "--format=%(refname) %(taggername) %(taggeremail)"
    ).text
    assert one.splitlines() == ["refs/heads/main  ", "refs/tags/v1 Ada <ada@example.com>"]
    assert git("-C", str(day.repos[0]), "log", "--format=%s", "main").text.split() == [
        "third",
        "again",
        "first",
    ]


def test_the_upstream_sees_the_pinned_user_and_key_alone(day: Day) -> None:
    public = str(day.sshd.key.with_suffix(".pub"))
    fingerprint = run(Command(argv=("ssh-keygen", "-l", "-f", public))).text.split()[1]
    log = day.sshd.log.read_text()

    seen = set(re.findall(r"Accepted (\S+) for (\S+) from .* (\S+ SHA256:\S+)", log))

    assert seen == {("publickey", day.sshd.user, f"ED25519 {fingerprint}")}
    assert "Failed " not in log
    assert "Invalid user" not in log


def test_the_key_is_nowhere_in_the_bottle(day: Day) -> None:
    """The search finds what was planted in each kind of place, so that it would find the key."""
    kinds = {(name, kind) for name, kind, _ in (line.split(" ", 2) for line in day.traces)}

    assert kinds == {("marker", kind) for kind in ("file", "environ", "cmdline", "memory")}, day.traces
