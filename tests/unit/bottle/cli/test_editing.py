"""With editors as operators have them: any command, in $EDITOR."""

import os
import shlex
from pathlib import Path

import pytest

from bottle.cli.editing import Editor
from bottle.errors import EnvironmentLacksError
from support.command_line import CommandLine
from support.operator_terminal import LEADER, OperatorTerminal
from support.project import PROGRAM, shell_agent

QUESTION = rb"open it again\? .* \[Y/n\] \Z"


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the private copies lie."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def bottle(command_line: CommandLine) -> Path:
    command_line.write(shell_agent())
    return command_line.paths.bottles / "shell.md"


def script(folder: Path, text: str) -> str:
    """An editor: its `$1` is the file."""
    path = folder / "my editor"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return shlex.quote(str(path))


def test_a_valid_change_is_saved(command_line: CommandLine, bottle: Path, copies: Path) -> None:
    bottle.chmod(0o640)
    outcome = command_line.run("edit", "bottle", "shell", EDITOR="sed -i 's/shell/claude/'")

    assert (outcome.code, outcome.out, outcome.err) == (0, "", f"saved {bottle}\n")
    assert "template: claude" in bottle.read_text()
    assert bottle.stat().st_mode & 0o777 == 0o640
    assert list(copies.iterdir()) == []


def test_the_copy_is_private_and_named_as_the_manifest(
    command_line: CommandLine, bottle: Path, copies: Path
) -> None:
    seen = command_line.folder / "seen"
    editor = script(command_line.folder, f'stat -c %a "$(dirname "$1")" > {seen}; basename "$1" >> {seen}')
    command_line.run("edit", "bottle", "shell", EDITOR=editor)

    assert seen.read_text() == "700\nshell.md\n"


def test_an_unchanged_file_is_left_alone(command_line: CommandLine, bottle: Path, copies: Path) -> None:
    before = bottle.stat()
    outcome = command_line.run("edit", "bottle", "shell", EDITOR="touch")

    assert (outcome.code, outcome.err) == (0, f"{bottle} is unchanged\n")
    assert (bottle.stat().st_ino, bottle.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("editor", "code", "said"),
    [
        ("false", 1, "the editor false ended with status 1"),
        ("kill -9 $$ #", 1, "was ended by signal 9"),
        ("rm", 1, "the editor left no file"),
        ("nosuch-editor", 4, "the program 'nosuch-editor' is not installed"),
    ],
)
def test_an_editor_that_fails_changes_nothing(
    command_line: CommandLine, bottle: Path, copies: Path, editor: str, code: int, said: str
) -> None:
    before = bottle.read_text()
    outcome = command_line.run("edit", "bottle", "shell", EDITOR=editor)

    assert outcome.code == code
    assert said in outcome.err
    assert bottle.read_text() == before
    assert list(copies.iterdir()) == []


def test_work_of_an_editor_that_fails_is_kept(command_line: CommandLine, bottle: Path, copies: Path) -> None:
    before = bottle.read_text()
    editor = script(command_line.folder, 'echo more >> "$1"; exit 3')
    outcome = command_line.run("edit", "bottle", "shell", EDITOR=editor)
    (kept,) = copies.glob("*/shell.md")

    assert outcome.code == 1
    assert f"your edited copy is kept: {kept}" in outcome.err
    assert (bottle.read_text(), kept.read_text()) == (before, before + "more\n")


@pytest.mark.parametrize(
    ("kind", "edit", "said"),
    [
        ("bottle", "s/egress/egres/", "bottles/shell.md:3:1  egres: unknown key; did you mean 'egress'?"),
        ("bottle", "s/^egress/extends: none\\negress/", "shell.md:3:10  extends: unknown bottle 'none'"),
        ("bottle", "s/^egress/extends: shell\\negress/", "shell.md:3:10  extends"),
        ("agent", "s/shell/shel/", "agents/shell.md:2:9  bottle: unknown bottle 'shel'"),
    ],
)
def test_what_is_not_valid_is_told_and_never_saved(
    command_line: CommandLine, bottle: Path, copies: Path, kind: str, edit: str, said: str
) -> None:
    file = command_line.paths.home / f"{kind}s" / "shell.md"
    before = file.read_text()
    environ = {**command_line.environ, "EDITOR": f"sed -i {shlex.quote(edit)}", "TMPDIR": str(copies)}
    with OperatorTerminal(*LEADER, *PROGRAM, "edit", kind, "shell", env=environ) as terminal:
        terminal.expect(QUESTION)
        terminal.type(b"n\r")

        assert terminal.wait() == 1
        assert said.encode() in terminal.output
        assert b"discarded" in terminal.output
    assert file.read_text() == before
    assert list(copies.iterdir()) == []


def test_it_can_be_opened_again_and_mended(command_line: CommandLine, bottle: Path, copies: Path) -> None:
    editor = script(
        command_line.folder,
        'if grep -q wrong "$1"; then sed -i s/wrong/supervise/ "$1"; '
        "else sed -i 's/^egress/wrong: false\\negress/' \"$1\"; fi",
    )
    environ = {**command_line.environ, "EDITOR": editor, "TMPDIR": str(copies)}
    with OperatorTerminal(*LEADER, *PROGRAM, "edit", "bottle", "shell", env=environ) as terminal:
        terminal.expect(QUESTION)
        terminal.type(b"\r")

        assert terminal.wait() == 0
    assert "supervise: false\n" in bottle.read_text()
    assert list(copies.iterdir()) == []


@pytest.mark.parametrize("key", [b"\x03", b"\x04"])
def test_leaving_at_the_question_keeps_the_work(
    command_line: CommandLine, bottle: Path, copies: Path, key: bytes
) -> None:
    before = bottle.read_text()
    environ = {**command_line.environ, "EDITOR": "sed -i s/egress/egres/", "TMPDIR": str(copies)}
    with OperatorTerminal(*LEADER, *PROGRAM, "edit", "bottle", "shell", env=environ) as terminal:
        terminal.expect(QUESTION)
        terminal.type(key)

        assert terminal.wait() == 130
        assert b"your edited copy is kept" in terminal.output
    assert bottle.read_text() == before
    assert len(list(copies.glob("*/shell.md"))) == 1


def test_ctrl_c_in_the_editor_is_the_editor_s(command_line: CommandLine, bottle: Path, copies: Path) -> None:
    editor = script(
        command_line.folder,
        'trap "echo caught; sed -i s/shell/claude/ \\"$1\\"; exit 0" INT; echo ready; read x',
    )
    environ = {**command_line.environ, "EDITOR": editor, "TMPDIR": str(copies)}
    with OperatorTerminal(*LEADER, *PROGRAM, "edit", "bottle", "shell", env=environ) as terminal:
        terminal.expect(rb"ready")
        terminal.type(b"\x03")
        terminal.expect(rb"caught")

        assert terminal.wait() == 0
    assert "template: claude" in bottle.read_text()


def test_a_file_that_somebody_else_changed_is_not_overwritten(
    command_line: CommandLine, bottle: Path, copies: Path
) -> None:
    editor = script(command_line.folder, f'echo theirs >> {bottle}; echo mine >> "$1"')
    outcome = command_line.run("edit", "bottle", "shell", EDITOR=editor)
    (kept,) = copies.glob("*/shell.md")

    assert outcome.code == 1
    assert f"{bottle} was changed by somebody else meanwhile" in outcome.err
    assert str(kept) in outcome.err
    assert bottle.read_text().endswith("theirs\n")
    assert kept.read_text().endswith("mine\n")


def test_a_link_stays_a_link(command_line: CommandLine, bottle: Path, copies: Path) -> None:
    real = command_line.folder / "dotfiles.md"
    bottle.rename(real)
    bottle.symlink_to(real)
    outcome = command_line.run("edit", "bottle", "shell", EDITOR="sed -i s/shell/claude/")

    assert outcome.code == 0
    assert bottle.readlink() == real
    assert "claude" in real.read_text()


def test_a_broken_parent_does_not_keep_its_child_from_being_saved(
    command_line: CommandLine, bottle: Path, copies: Path
) -> None:
    command_line.write({"bottles/base.md": "---\nwrong: x\n---\n"})
    outcome = command_line.run("edit", "bottle", "shell", EDITOR="sed -i 's/^egress/extends: base\\negress/'")

    assert outcome.code == 0
    assert "warning: " in outcome.err
    assert "base.md:2:1" in outcome.err
    assert "extends: base" in bottle.read_text()


def test_a_broken_manifest_can_be_mended(command_line: CommandLine, bottle: Path, copies: Path) -> None:
    bottle.write_bytes(b"\xff")
    editor = script(command_line.folder, 'printf -- "---\\nsupervise: false\\n---\\n" > "$1"')

    assert command_line.run("edit", "bottle", "shell", EDITOR=editor).code == 0


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        ("agent", "shel", "did you mean 'shell'?; `bottle init` writes a new one"),
        ("agent", "other", "known agents: shell; `bottle init` writes a new one"),
        ("bottle", "shel", "`bottle init` writes a new one"),
        ("bottle", "../x", "`bottle init` writes a new one"),
    ],
)
def test_an_unknown_name_makes_nothing(
    command_line: CommandLine, bottle: Path, copies: Path, kind: str, name: str, hint: str
) -> None:
    outcome = command_line.run("edit", kind, name, EDITOR="touch")

    assert outcome.code == 3
    assert outcome.err.endswith(f"hint: {hint}\n")
    assert len(list(command_line.paths.home.rglob("*.md"))) == 2


def test_an_agent_of_the_current_directory_is_announced_and_may_not_lead_out(
    command_line: CommandLine, bottle: Path, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = command_line.folder / "repo"
    agents = repo / ".bot-bottle" / "agents"
    agents.mkdir(parents=True)
    (agents / "own.md").write_text("---\nbottle: shell\n---\n")
    outside = command_line.folder / "outside.md"
    outside.write_text("---\nbottle: shell\n---\n")
    (agents / "astray.md").symlink_to(outside)
    monkeypatch.chdir(repo)

    own = command_line.run("edit", "agent", "own", EDITOR="sed -i '$ a Hello.'")
    astray = command_line.run("edit", "agent", "astray", EDITOR="sed -i '$ a Hello.'")

    assert own.code == 0
    assert "is from the current directory, not from your home" in own.err
    assert astray.code == 3
    assert "leads out of the current directory" in astray.err
    assert "Hello." not in outside.read_text()


def test_which_editor_it_is(tmp_path: Path) -> None:
    (tmp_path / "vi").write_text("#!/bin/sh\n")
    (tmp_path / "vi").chmod(0o755)
    environ = {"PATH": str(tmp_path), "VISUAL": "code --wait", "EDITOR": "ed", "TERM": "xterm"}

    assert Editor.of(environ).command == "code --wait"
    assert Editor.of({**environ, "TERM": "dumb"}).command == "ed"
    assert Editor.of({**environ, "VISUAL": ""}).command == "ed"
    assert Editor.of({"PATH": str(tmp_path)}).command == "vi"
    with pytest.raises(EnvironmentLacksError, match="there is no editor"):
        Editor.of({"PATH": os.devnull})
