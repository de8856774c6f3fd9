"""On a workspace that no sandbox is needed for: an upper layer, as an overlay would have left it."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bottle.proc import Command, run
from bottle.workspace.origin import How
from support.command_line import CommandLine
from support.layered import IDENTITY, LayeredWorkspace
from support.project import Outcome


class Workspace(LayeredWorkspace):
    """One whose changes are looked at."""

    def diff_command(self, *arguments: str, cwd: Path | None = None, **environ: str) -> Command:
        return self.command("diff", *arguments, cwd=cwd, **environ)

    def diff(self, *arguments: str, cwd: Path | None = None, **environ: str) -> Outcome:
        return Outcome.of(run(self.diff_command(*arguments, cwd=cwd, **environ), check=False))

    def on_terminal(self, *arguments: str, **environ: str) -> bytes:
        with self.terminal("diff", *arguments, **environ) as terminal:
            assert terminal.wait() == 0
            return bytes(terminal.output)

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        outcome = self.diff("--json", *arguments)
        assert outcome.code == 0, outcome.err
        found: list[dict[str, Any]] = json.loads(outcome.out)["data"]
        return found


@pytest.fixture
def workspace(command_line: CommandLine) -> Iterator[Workspace]:
    with command_line.live(interactive=False) as record:
        yield Workspace(command_line, record)


def test_a_diff_that_is_piped_is_what_git_takes(workspace: Workspace) -> None:
    text = "".join(f"{number}\n" for number in range(30))
    for name in ("edited", "removed", "d/removed", "tool"):
        workspace.host_file(name)
    workspace.host_file("old", text)
    start = workspace.host.with_name("start")
    shutil.copytree(workspace.host, start)
    workspace.write("edited", "new\r\nno end")
    workspace.write("tool", "old\n", mode=0o755)
    workspace.write("new", text + "more\n")
    workspace.write("image", bytes(range(256)) * 9)
    workspace.write("sub/na\tme\nü\udcff", "x\n")
    for name in ("removed", "d", "old"):
        workspace.remove(name)

    outcome = run(workspace.diff_command())

    assert outcome.code == 0, outcome.stderr
    run(Command(argv=("git", "apply", "--unsafe-paths", "-"), cwd=str(start)), stdin=outcome.stdout)
    assert (start / "edited").read_bytes() == b"new\r\nno end"
    assert (start / "tool").stat().st_mode & 0o111
    assert (start / "new").read_text() == text + "more\n"
    assert (start / "image").read_bytes() == bytes(range(256)) * 9
    assert (start / "sub" / "na\tme\nü\udcff").read_text() == "x\n"
    assert {path.name for path in start.iterdir()} == {"edited", "tool", "new", "image", "sub"}


def test_other_forms(workspace: Workspace) -> None:
    workspace.host_file("a")
    workspace.host_file("gone")
    workspace.write("a")
    workspace.write("b")
    workspace.remove("gone")

    assert workspace.diff("--stat").out == (
        " a    | 2 +-\n b    | 1 +\n gone | 1 -\n 3 files changed, 2 insertions(+), 2 deletions(-)\n"
    )
    assert workspace.diff("--name-status").out == "M\ta\nA\tb\nD\tgone\n"
    assert workspace.rows()[0] == {
        "path": "a", "status": "M", "old_mode": "100644", "new_mode": "100644", "renamed_from": None,
        "similarity": None, "binary": False, "added": 1, "removed": 1, "conflict": False,
    }  # fmt: skip


def test_renames_binary_files_and_conflicts_in_json(workspace: Workspace) -> None:
    text = "".join(f"{number}\n" for number in range(30))
    workspace.host_file("old", text)
    workspace.host_file("both")
    (workspace.host / "both").write_text("of the operator\n")
    workspace.remove("old")
    workspace.write("new", text)
    workspace.write("bin", b"\0")
    workspace.write("both")

    rows = {row["path"]: row for row in workspace.rows()}

    assert (rows["new"]["status"], rows["new"]["renamed_from"], rows["new"]["similarity"]) == (
        "R",
        "old",
        100,
    )
    assert (rows["bin"]["binary"], rows["bin"]["added"]) == (True, None)
    assert rows["both"]["conflict"]
    assert not rows["bin"]["conflict"]
    outcome = workspace.diff("both")
    assert "-of the operator\n+new\n" in outcome.out
    assert "both: both sides changed it" in outcome.err


def test_nothing_changed_prints_nothing(workspace: Workspace) -> None:
    outcome = workspace.diff("--exit-code")

    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert workspace.rows() == []


def test_exit_code_tells_of_changes_where_it_is_asked_for(workspace: Workspace) -> None:
    workspace.write("a")

    assert workspace.diff().code == 0
    assert workspace.diff("--exit-code").code == 1


def test_paths_are_chosen_as_the_operator_means_them(workspace: Workspace) -> None:
    (workspace.host / "d").mkdir()
    for name in ("d/a.py", "d/b.txt", "e/c.py"):
        workspace.write(name)

    assert workspace.diff("--name-status", "d").out == "A\td/a.py\nA\td/b.txt\n"
    assert workspace.diff("--name-status", "*.py", cwd=workspace.host / "d").out == "A\td/a.py\n"
    outcome = workspace.diff("../../etc")
    assert outcome.code == 2
    assert "not in the workspace" in outcome.err


def test_what_the_hosts_git_ignores_is_asked_for(workspace: Workspace) -> None:
    run(Command(argv=("git", "init", "--quiet", str(workspace.host))))
    workspace.host_file(".gitignore", "build/\n")
    workspace.write("build/out")
    workspace.write("a")

    outcome = workspace.diff("--name-status")
    assert outcome.out == "A\ta\n"
    assert "2 paths that git ignores are left out; --ignored shows them" in outcome.err
    assert workspace.diff("--name-status", "--ignored").out == "A\ta\nA\tbuild/out\n"


def test_what_has_no_place_in_a_diff_is_said(workspace: Workspace) -> None:
    (workspace.upper / "empty").mkdir()
    os.mkfifo(workspace.upper / "pipe")

    outcome = workspace.diff()

    assert outcome.out == ""
    assert "1 changes of folders and permissions" in outcome.err
    assert "1 sockets, pipes and devices are left out" in outcome.err
    assert [(row["path"], row["new_mode"]) for row in workspace.rows()] == [("empty", "040755")]


EVIL = "\x1b]0;owned\x07\x1b[2J\x9b5m\u202e"


def test_on_a_terminal_nothing_of_the_agents_steers_it(workspace: Workspace) -> None:
    workspace.write(f"name{EVIL}", f"text{EVIL}\n")
    workspace.write("good.txt")

    for form in ((), ("--stat",), ("--name-status",)):
        shown = workspace.on_terminal(*form, BOTTLE_PAGER="cat")
        assert b"good.txt" in shown
        for forbidden in (b"\x1b]", b"\x07", b"\x1b[2J", "\x9b".encode(), "\u202e".encode()):
            assert forbidden not in shown, form
    shown = workspace.on_terminal(BOTTLE_PAGER="cat")
    assert b"\x1b[32m+text\\x1b]0;owned\\x07\\x1b[2J\\x9b5m\\u202e\x1b[m" in shown


def test_colours_are_for_terminals_and_for_those_who_ask(workspace: Workspace) -> None:
    workspace.write("a")

    assert b"\x1b[" in workspace.on_terminal(BOTTLE_PAGER="cat")
    for plain in (
        workspace.on_terminal(BOTTLE_PAGER="cat", NO_COLOR="1"),
        workspace.on_terminal("--color", "never", BOTTLE_PAGER="cat"),
    ):
        assert b"+new" in plain
        assert b"\x1b[" not in plain
    assert "\x1b[" not in workspace.diff().out
    assert "\x1b[32m+new\x1b[m" in workspace.diff("--color=always").out


def test_a_terminal_gets_a_pager(workspace: Workspace) -> None:
    workspace.write("a")

    shown = workspace.on_terminal(PAGER="sed s/^/paged:/")

    assert b"paged:" in shown
    assert "paged:" not in workspace.diff(PAGER="sed s/^/paged:/").out


def test_a_reader_that_leaves_early_is_no_error(workspace: Workspace) -> None:
    workspace.write("a", "x\n" * 500_000)
    command = workspace.diff_command()

    outcome = run(
        Command(
            argv=("sh", "-c", '"$@" | head -n1; echo "${PIPESTATUS-}"', "sh", *command.argv), env=command.env
        )
    )

    assert outcome.text.startswith("diff --git a/a b/a")
    assert not outcome.stderr


def test_what_the_workspace_says_to_git_is_not_heard(workspace: Workspace, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    trap.chmod(0o755)
    config = f'[diff "evil"]\n\tcommand = {trap}\n\ttextconv = {trap}\n[core]\n\tfsmonitor = {trap}\n'
    run(Command(argv=("git", "init", "--quiet", str(workspace.host))))
    with (workspace.host / ".git" / "config").open("a") as file:
        file.write(config)
    workspace.host_file("a")
    workspace.write(".gitattributes", "* diff=evil filter=evil\n*.txt -diff\n")
    workspace.write(".git/config", config)
    workspace.write("a")
    workspace.write("b.txt")

    outcome = workspace.diff()

    assert "-old\n+new\n" in outcome.out
    assert "b/b.txt\n@@ -0,0 +1 @@\n+new\n" in outcome.out
    assert ".git/" not in outcome.out
    assert not (tmp_path / "ran").exists()


def test_forms_exclude_each_other(workspace: Workspace) -> None:
    assert workspace.diff("--stat", "--json").code == 2


def test_without_a_workspace_of_its_own_there_is_nothing_to_compare(
    workspace: Workspace, command_line: CommandLine
) -> None:
    workspace.started(How.MOUNT)
    outcome = workspace.diff()
    assert outcome.code == 1
    assert f"works on {workspace.host} itself" in outcome.err

    (command_line.paths.state / IDENTITY / "workspace.json").unlink()
    assert "began with an empty workspace" in workspace.diff().err

    workspace.started()
    workspace.host.rmdir()
    assert "is not there any more" in workspace.diff().err


def test_a_bottle_that_is_not_there(command_line: CommandLine) -> None:
    outcome = command_line.run("diff", "dev-abcde")

    assert outcome.err == "error: no bottle 'dev-abcde' is running\nhint: bottle list active\n"


def test_nothing_is_left_in_the_state_folder(workspace: Workspace, command_line: CommandLine) -> None:
    workspace.write("a")
    before = set((command_line.paths.state / IDENTITY).iterdir())
    workspace.diff()
    assert set((command_line.paths.state / IDENTITY).iterdir()) == before
