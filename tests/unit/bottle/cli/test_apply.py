"""On a workspace that no sandbox is needed for: an upper layer, as an overlay would have left it."""

import os
import signal
from collections.abc import Iterator
from functools import partial

import pytest

from bottle.proc import Command, run
from support.applying import Place, in_child
from support.command_line import CommandLine
from support.layered import IDENTITY, LayeredWorkspace
from support.trees import Tree, file, fingerprint


@pytest.fixture
def workspace(command_line: CommandLine) -> Iterator[LayeredWorkspace]:
    with command_line.live(interactive=False) as record:
        yield LayeredWorkspace(command_line, record)


def test_what_changed_is_on_the_host_and_is_no_change_any_more(workspace: LayeredWorkspace) -> None:
    for name in ("edited", "removed", "d/removed", "tool"):
        workspace.host_file(name)
    workspace.write("edited")
    workspace.write("tool", "old\n", mode=0o755)
    workspace.write("new/deep", mode=0o666)
    workspace.remove("removed")
    workspace.remove("d")
    (workspace.upper / "empty").mkdir()

    outcome = workspace.run("apply")

    assert outcome.code == 0, outcome.err
    assert outcome.out == "D\td/removed\nM\tedited\nA\tempty/\nA\tnew/deep\nD\tremoved\nM\ttool\n"
    assert outcome.err == f"applied to {workspace.host}\n"
    assert (workspace.host / "edited").read_text() == "new\n"
    assert os.access(workspace.host / "tool", os.X_OK)
    assert (workspace.host / "new/deep").stat().st_mode & 0o777 == 0o644
    assert {path.name for path in workspace.host.iterdir()} == {"edited", "tool", "new", "empty"}
    again = workspace.run("apply")
    assert (again.code, again.out, again.err) == (0, "", "nothing changed\n")
    assert workspace.run("diff").out == ""


def test_what_changes_after_an_apply_can_be_applied(workspace: LayeredWorkspace) -> None:
    workspace.host_file("a")
    workspace.write("a")
    workspace.write("b")
    assert workspace.run("apply").code == 0

    workspace.write("a", "newer\n")
    workspace.remove("b")
    outcome = workspace.run("apply")
    assert outcome.out == "M\ta\nD\tb\n"
    assert (workspace.host / "a").read_text() == "newer\n"

    workspace.write("a", "old\n")
    assert workspace.run("apply").out == "M\ta\n"

    (workspace.host / "a").write_text("of the operator\n")
    assert workspace.run("diff").out == ""
    workspace.write("a", "newest\n")
    assert workspace.run("apply").code == 1
    assert (workspace.host / "a").read_text() == "of the operator\n"


def test_conflicts_are_all_listed_and_nothing_is_written(workspace: LayeredWorkspace) -> None:
    for name in ("both", "gone", "way/file"):
        workspace.host_file(name)
    (workspace.host / "both").write_text("of the operator\n")
    (workspace.host / "way/file").unlink()
    (workspace.host / "way").rmdir()
    (workspace.host / "way").symlink_to("/tmp")
    workspace.write("both")
    workspace.write("way/file")
    workspace.write("good")
    (workspace.upper / "out").symlink_to("../../etc")
    before = fingerprint(workspace.host)

    outcome = workspace.run("apply", "--yes")

    assert outcome.code == 1
    assert outcome.out == (
        "C\tboth: changed by host since the start\n"
        "C\tout: the link leads out of the directory (to ../../etc)\n"
        "C\tway: changed by host since the start\n"
        "C\tway/file: a link is in the way (way is a link on the host)\n"
    )
    assert "4 conflicts; nothing was applied" in outcome.err
    assert f"`bottle diff {IDENTITY}` shows the changes; --path applies a part of them" in outcome.err
    assert fingerprint(workspace.host) == before

    chosen = workspace.run("apply", "--path", "good")
    assert (chosen.code, chosen.out) == (0, "A\tgood\n")


def test_a_dry_run_writes_nothing(workspace: LayeredWorkspace) -> None:
    workspace.write("d/a")
    before = fingerprint(workspace.host), fingerprint(workspace.state)

    outcome = workspace.run("apply", "--dry-run")

    assert (outcome.code, outcome.out) == (0, "A\td/a\n")
    assert fingerprint(workspace.host) == before[0]
    assert set(fingerprint(workspace.state)) == set(before[1])


def test_what_runs_by_itself_is_never_applied_unasked(workspace: LayeredWorkspace) -> None:
    workspace.write(".envrc", "touch /tmp/ran\n")
    workspace.write("a")

    outcome = workspace.run("apply")

    assert outcome.code == 1
    assert "warning: .envrc runs by itself on this machine: a shell or a version manager" in outcome.err
    assert "then give --yes; or choose others with --path" in outcome.err
    assert not list(workspace.host.iterdir())
    assert workspace.run("apply", "--path", "a").code == 0
    assert workspace.run("apply", "--yes").code == 0
    assert (workspace.host / ".envrc").exists()


@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_it_is_asked(workspace: LayeredWorkspace, answer: str) -> None:
    workspace.write("a")
    workspace.write(".envrc")

    with workspace.terminal("apply") as terminal:
        terminal.expect(b"warning:.*.envrc runs by itself")
        terminal.expect(rb"apply these 2 files to .*\? \[y/N\]")
        terminal.type(f"{answer}\n".encode())
        assert terminal.wait() == 0

    assert (workspace.host / "a").exists() == (answer == "y")


EVIL = "\x1b]0;owned\x07\x1b[2J\x9b5m\u202e\nA\tgood"


def test_names_steer_no_terminal_and_fake_no_line(workspace: LayeredWorkspace) -> None:
    workspace.write(EVIL)
    workspace.write(f".vscode/{EVIL}")
    (workspace.upper / f"link{EVIL}").symlink_to(f"/{EVIL}")

    for arguments in (("apply", "--dry-run"), ("apply", "--dry-run", "--path", ".vscode")):
        with workspace.terminal(*arguments) as terminal:
            terminal.wait()
        shown = bytes(terminal.output)
        assert b"owned" in shown
        for forbidden in (b"\x1b]", b"\x07", b"\x1b[2J", "\x9b".encode(), "\u202e".encode(), b"\nA\tgood"):
            assert forbidden not in shown


def test_what_the_hosts_git_ignores_is_asked_for(workspace: LayeredWorkspace) -> None:
    run(Command(argv=("git", "init", "--quiet", str(workspace.host))))
    workspace.host_file(".gitignore", "build/\n")
    workspace.write("build/out")
    workspace.write("a")

    outcome = workspace.run("apply")
    assert outcome.out == "A\ta\n"
    assert "2 paths that git ignores are left out; --ignored takes them" in outcome.err
    assert workspace.run("apply", "--ignored").out == "A\tbuild/out\n"


def test_lines_of_both_sides_come_together(workspace: LayeredWorkspace) -> None:
    text = "".join(f"{number}\n" for number in range(9))
    run(Command(argv=("git", "init", "--quiet", str(workspace.host))))
    workspace.host_file("a", text)
    run(Command(argv=("git", "-C", str(workspace.host), "add", "a")))
    workspace.started()
    workspace.write("a", text + "of the bottle\n")
    assert workspace.run("apply").code == 0
    run(Command(argv=("git", "-C", str(workspace.host), "add", "a")))
    (workspace.host / "a").write_text("of the host\n" + text + "of the bottle\n")
    workspace.write("a", text + "of the bottle\nand more\n")

    outcome = workspace.run("apply")

    assert outcome.out == "M\ta\tmerged\n", outcome.err
    assert (workspace.host / "a").read_text() == "of the host\n" + text + "of the bottle\nand more\n"
    assert workspace.run("diff").out == ""


def test_names_that_are_one_elsewhere_are_told(workspace: LayeredWorkspace) -> None:
    workspace.write("Readme")
    workspace.write("README")

    assert "warning: README and Readme are one file on macOS and Windows" in workspace.run("apply").err


def test_a_bottle_that_is_not_there(command_line: CommandLine) -> None:
    outcome = command_line.run("apply", "dev-abcde")

    assert outcome.err == "error: no bottle 'dev-abcde' is running\nhint: bottle list active\n"


@pytest.mark.parametrize("command", ["diff", "apply"])
def test_one_that_was_cut_off_is_undone_by_the_next_command(
    workspace: LayeredWorkspace, command: str
) -> None:
    workspace.host_file("a")
    line = workspace.command_line
    place = Place(line.folder, root=workspace.host, journals=line.paths.applying)
    in_child(
        partial(place.apply, Tree.of({"a": file("old\n")}), Tree.of({"b": file("b")}), killed_at_the_end)
    )
    assert not (workspace.host / "a").exists()
    workspace.write("c")

    outcome = workspace.run(command)

    assert outcome.code == 0, outcome.err
    assert (workspace.host / "a").read_text() == "old\n"
    assert {path.name for path in workspace.host.iterdir()} == {"a"} | (
        {"c"} if command == "apply" else set()
    )
    assert place.is_tidy()


def killed_at_the_end(step: str) -> None:
    if step == "journal end":
        os.kill(os.getpid(), signal.SIGKILL)
