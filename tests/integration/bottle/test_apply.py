"""What an agent did goes onto the operator's directory: a bottle for each back-end, tests in their order."""

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from bottle.proc import DEVNULL, Command, run
from support.project import BottleProject, operator_environment, shell_agent
from support.sites import site_of
from support.trees import Tree

BACKENDS = ("native", "docker")
MANY = 300
WORK = """
printf 'more\\n' >>edited; rm removed; rm -r folder; printf 'x\\n' >folder; chmod 755 tool
mkdir -p new/deep; printf 'x\\n' >new/deep/file; ln -s new/deep link; mkdir empty; chmod u+s new/deep/file
sed -i 's/^9$/nine/' both; printf 'x\\n' >noise.log
git -c user.name=a -c user.email=a@example.com commit -qam inside 2>/dev/null
printf 'x\\n' >.git/hooks/pre-commit
echo ready; exec sleep 1000
"""


@frozen(kw_only=True)
class Desk:
    project: BottleProject
    identity: str

    @property
    def root(self) -> Path:
        return self.project.cwd

    def inside(self, script: str) -> None:
        outcome = self.project.run("exec", self.identity, "--", "sh", "-c", script)
        assert outcome.code == 0, outcome.err

    def diff(self) -> list[str]:
        outcome = self.project.run("diff", "--name-status", self.identity)
        assert outcome.code == 0, outcome.err
        return outcome.out.splitlines()


@pytest.fixture(scope="module", params=BACKENDS)
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    site = site_of(request.param, lambda: request.getfixturevalue("engine"))
    folder = tmp_path_factory.mktemp("apply")
    runtime = tempfile.mkdtemp(prefix="bb-", dir="/tmp")
    environ = operator_environment({**site.environ, "XDG_RUNTIME_DIR": runtime})
    project = BottleProject(folder=folder, environ=environ)
    project.write(shell_agent())
    fill(project.cwd)
    output = folder / "output"
    with output.open("wb") as stream:
        owner = project.spawn("run", "--cwd", "shell", WORK, stdout=stream)
        try:
            while "ready\n" not in output.read_text(errors="replace"):
                assert owner.poll() is None, output.read_text(errors="replace")
                time.sleep(0.05)
            (row,) = json.loads(project.run("list", "--json").out)["data"]
            yield Desk(project=project, identity=row["identity"])
        finally:
            owner.terminate()
            owner.wait()
            project.discard_kept()
            shutil.rmtree(runtime)


def fill(work: Path) -> None:
    """The operator's directory, committed."""
    files = {
        "edited": "text\n", "removed": "x\n", "folder/deep/f": "x\n", "tool": "#!/bin/sh\n", "same": "same\n",
        "both": "".join(f"{number}\n" for number in range(10)), ".gitignore": "*.log\n",
    }  # fmt: skip
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    identity = ("-c", "user.name=o", "-c", "user.email=o@example.com")
    for arguments in (("init", "--quiet"), ("add", "."), (*identity, "commit", "--quiet", "-m", "start")):
        run(Command(argv=("git", "-C", str(work), *arguments)))


def test_all_that_changed_is_on_the_host(desk: Desk) -> None:
    outcome = desk.project.run("apply", desk.identity)

    assert outcome.code == 0, outcome.err
    lines = "M both,M edited,A empty/,M folder,D folder/deep/f,A link,A new/deep/file,D removed,M tool"
    assert outcome.out.replace("\t", " ").splitlines() == lines.split(",")
    root = desk.root
    assert (root / "edited").read_text() == "text\nmore\n"
    assert (root / "folder").read_text() == "x\n"
    assert str((root / "link").readlink()) == "new/deep"
    assert os.access(root / "tool", os.X_OK)
    assert (root / "new/deep/file").stat().st_mode & 0o7000 == 0
    assert (root / "empty").is_dir()
    assert not any((root / gone).exists() for gone in ("removed", "noise.log", ".git/hooks/pre-commit"))
    assert {path.owner() for path in root.rglob("*")} == {root.owner()}
    assert desk.diff() == []


def test_later_changes_of_both_sides_come_together(desk: Desk) -> None:
    run(Command(argv=("git", "-C", str(desk.root), "add", "both")))
    (desk.root / "both").write_text("above\n" + (desk.root / "both").read_text())
    (desk.root / "same").write_text("of the operator\n")
    desk.inside("printf 'below\n' >>both; printf 'again\n' >>edited; rm new/deep/file")

    outcome = desk.project.run("apply", desk.identity)

    assert outcome.code == 0, outcome.err
    assert "M\tboth\tmerged\n" in outcome.out
    assert (desk.root / "both").read_text().startswith("above\n0\n")
    assert (desk.root / "both").read_text().endswith("nine\nbelow\n")
    assert (desk.root / "edited").read_text() == "text\nmore\nagain\n"
    assert (desk.root / "same").read_text() == "of the operator\n"
    assert not (desk.root / "new/deep/file").exists()
    assert desk.diff() == []


def test_a_conflict_keeps_all_from_being_written(desk: Desk) -> None:
    (desk.root / "edited").write_text("of the operator\n")
    desk.inside("printf 'of the agent\n' >edited; printf 'x\n' >other")
    before = Tree.read(desk.root)

    outcome = desk.project.run("apply", "--yes", desk.identity)

    assert outcome.code == 1
    assert outcome.out == "C\tedited: both modified\n"
    assert Tree.read(desk.root) == before
    assert desk.project.run("apply", "--path", "other", desk.identity).code == 0
    assert (desk.root / "other").exists()
    desk.inside("printf 'of the operator\n' >edited")


def test_one_that_is_killed_is_undone_by_the_next_command(desk: Desk) -> None:
    desk.inside(f"mkdir many; for n in $(seq {MANY}); do echo $n >many/$n; done")
    before = Tree.read(desk.root)
    for _ in range(3):
        apply = desk.project.spawn("apply", "--yes", desk.identity, stdout=DEVNULL)
        while apply.poll() is None and not list(desk.root.glob(".bottle-apply-*/n*")):
            time.sleep(0.001)
        apply.send_signal(signal.SIGKILL)
        apply.wait()
        left = desk.diff()
        now = Tree.read(desk.root)
        assert (now == before) == bool(left)
        if not left:
            break

    assert desk.project.run("apply", "--yes", desk.identity).code == 0
    assert len(list((desk.root / "many").iterdir())) == MANY
    assert not list(desk.root.glob(".bottle-apply-*"))


def test_what_a_kept_bottle_holds_is_applied_and_is_there_when_it_goes_on(desk: Desk) -> None:
    desk.inside("printf 'late\n' >late; printf 'late\n' >>folder; rm tool")
    assert desk.project.run("stop", desk.identity).code == 0

    outcome = desk.project.run("apply", desk.identity)

    assert outcome.out == "M\tfolder\nA\tlate\nD\ttool\n", outcome.err
    assert desk.diff() == []
    resumed = desk.project.run("resume", desk.identity, "cat late folder; ls tool")
    assert resumed.out == "late\nx\nlate\n", resumed.err
    assert "'tool': No such file" in resumed.err
    assert desk.diff() == []
