"""What an agent did to the directory it was given, as its operator sees it; one bottle for each back-end."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from bottle.proc import Command, run
from support.project import BottleProject, operator_environment, shell_agent
from support.sites import site_of

BACKENDS = ("native", "docker")
ESCAPE = "\\033]0;owned\\007\\033[2J"
WORK = rf"""
printf 'more\n' >>edited; rm removed; rm -r lost; mkdir lost; printf 'new\n' >lost/new
mv moved here; printf 'another line\n' >>here; mv folder renamed; mv one x; mv two one; mv x two
chmod 755 tool; chmod 600 closed; printf '\0\1' >image; ln -s /etc/passwd link; mkfifo pipe; mkdir empty
printf 'text{ESCAPE}\n' >"$(printf 'name{ESCAPE}')"; printf 'of two lines\n' >"$(printf 'new\nline')"
printf '* diff=evil filter=evil -diff\n' >.gitattributes; printf 'x\n' >noise.log
printf 'hidden\n' >secret; printf 'closed\n' >unreadable; chmod 0 unreadable
git config diff.evil.command 'touch TRAP'; git config core.fsmonitor 'touch TRAP; :'
git add -A . 2>/dev/null; mkdir -p .GIT; touch .GIT/config
echo ready; exec sleep 1000
"""


@frozen(kw_only=True)
class Desk:
    """`start`: a copy of the directory as it was."""

    project: BottleProject
    identity: str
    start: Path

    def diff(self, *arguments: str) -> str:
        outcome = self.project.run("diff", self.identity, *arguments)
        assert outcome.code == 0, outcome.err
        return outcome.out

    def rows(self, *arguments: str) -> dict[str, dict[str, Any]]:
        return {row["path"]: row for row in json.loads(self.diff("--json", *arguments))["data"]}


@pytest.fixture(scope="module", params=BACKENDS)
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    site = site_of(request.param, lambda: request.getfixturevalue("engine"))
    folder = tmp_path_factory.mktemp("diff")
    runtime = tempfile.mkdtemp(prefix="bb-", dir="/tmp")
    environ = operator_environment({**site.environ, "XDG_RUNTIME_DIR": runtime, "PAGER": "cat"})
    project = BottleProject(folder=folder, environ=environ)
    project.write(shell_agent())
    start = fill(project.cwd)
    output = folder / "output"
    with output.open("wb") as stream:
        work = WORK.replace("TRAP", str(folder / "ran"))
        owner = project.spawn("run", "--cwd", "--keep", "shell", work, stdout=stream)
        try:
            while not output.read_text(errors="replace").endswith("ready\n"):
                assert owner.poll() is None, output.read_text(errors="replace")
            (row,) = json.loads(project.run("list", "--json").out)["data"]
            yield Desk(project=project, identity=row["identity"], start=start)
        finally:
            owner.terminate()
            owner.wait()
            for row in json.loads(project.run("list", "kept", "--json").out)["data"]:
                assert project.run("discard", "--yes", row["identity"]).code == 0
            shutil.rmtree(runtime)


def fill(work: Path) -> Path:
    """The operator's directory; a copy of it is returned."""
    files = {
        "edited": "text\n", "removed": "was there\n", "lost/old": "lost\n", "moved": "line\n" * 40,
        "tool": "#!/bin/sh\n", "folder/deep/f": "in a folder\n", "one/f": "1\n", "two/f": "2\n",
        "closed": "x\n", ".gitignore": "*.log\n", ".bottleignore": "secret\n", "secret": "mine\n",
        "same": "same\n",
    }  # fmt: skip
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    run(Command(argv=("git", "init", "--quiet", str(work))))
    start = work.with_name("start")
    shutil.copytree(work, start)
    return start


def test_each_change_is_told_and_nothing_else(desk: Desk) -> None:
    rows = desk.rows()

    name = "name\x1b]0;owned\x07\x1b[2J"
    told = {path: row["status"] for path, row in rows.items()}
    assert told == {
        "edited": "M", "removed": "D", "lost/old": "D", "lost/new": "A", "here": "R", "renamed/deep/f": "R",
        "one/f": "M", "two/f": "M", "tool": "M", "closed": "M", "image": "A", "link": "A", "empty": "A",
        name: "A", "new\nline": "A", ".gitattributes": "A", "unreadable": "A",
    }  # fmt: skip
    assert rows["here"]["renamed_from"] == "moved"
    assert rows["renamed/deep/f"]["renamed_from"] == "folder/deep/f"
    assert (rows["edited"]["added"], rows["edited"]["removed"]) == (1, 0)
    assert (rows["tool"]["old_mode"], rows["tool"]["new_mode"]) == ("100644", "100755")
    assert rows["closed"]["new_mode"] == "100600"
    assert rows["image"]["binary"]
    assert rows["link"]["new_mode"] == "120000"
    assert not any(row["conflict"] for row in rows.values())
    assert "noise.log" in desk.rows("--ignored")


def test_the_diff_makes_of_the_start_what_the_bottle_has(desk: Desk) -> None:
    done = run(desk.project.command("diff", desk.identity))
    made = desk.start.with_name("made")
    shutil.copytree(desk.start, made)

    run(Command(argv=("git", "apply", "--unsafe-paths", "-"), cwd=str(made)), stdin=done.stdout)

    assert (made / "edited").read_text() == "text\nmore\n"
    assert (made / "here").read_text() == "line\n" * 40 + "another line\n"
    assert (made / "renamed" / "deep" / "f").read_text() == "in a folder\n"
    assert [(made / name / "f").read_text() for name in ("one", "two")] == ["2\n", "1\n"]
    assert (made / "image").read_bytes() == b"\0\1"
    assert (made / "link").is_symlink()
    assert os.access(made / "tool", os.X_OK)
    assert not any((made / gone).exists() for gone in ("removed", "moved", "folder", "lost/old"))
    assert (made / "lost" / "new").exists()
    assert (made / "secret").read_text() == "mine\n"


def test_other_forms_and_what_is_left_out(desk: Desk) -> None:
    outcome = desk.project.run("diff", desk.identity, "--name-status")
    lines = outcome.out.splitlines()
    assert {"M\tedited", "D\tremoved", 'A\t"new\\nline"'} <= set(lines)
    assert not any(".git/" in line.lower() or "secret" in line for line in lines)
    assert "1 sockets, pipes and devices are left out" in outcome.err
    assert "2 changes of folders and permissions" in outcome.err
    assert "1 paths that git ignores" in outcome.err
    assert " edited " in desk.diff("--stat", "edited")
    assert desk.diff("--stat", "renamed", "folder").count("|") == 1


def test_nothing_of_the_agents_steers_a_terminal_or_runs(desk: Desk) -> None:
    with desk.project.terminal("diff", desk.identity) as terminal:
        assert terminal.wait() == 0
        shown = bytes(terminal.output)

    assert b"\x1b[32m+text\\x1b]0;owned\\x07\\x1b[2J\x1b[m" in shown
    assert b"\x1b]" not in shown
    assert b"\x07" not in shown
    assert b"\x1b[2J" not in shown
    assert not (desk.project.folder / "ran").exists()


def test_a_kept_bottle_tells_the_same_when_it_has_ended(desk: Desk) -> None:
    """From here on it does not run any more."""
    before = desk.rows("--ignored")
    stopped = desk.project.run("stop", desk.identity)
    assert stopped.code == 0, stopped.err
    assert json.loads(desk.project.run("list", "--json").out)["data"] == []

    assert desk.rows("--ignored") == before


def test_what_the_operator_does_meanwhile_is_told_apart(desk: Desk) -> None:
    """The last one: it changes the directory."""
    work = desk.project.cwd
    (work / "edited").write_text("of the operator\n")
    (work / "removed").unlink()

    rows = desk.rows()

    assert rows["edited"]["conflict"]
    assert "removed" not in rows
    assert "-of the operator\n" in desk.diff("edited")
