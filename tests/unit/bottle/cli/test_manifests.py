import sys

import pytest

from bottle.manifest.catalog import Catalog
from bottle.proc import DEVNULL, PIPE, Command, end, spawn
from bottle.providers import PROVIDERS
from support.command_line import CommandLine
from support.operator_terminal import LEADER, OperatorTerminal
from support.project import PROGRAM

CHOICES = ["claude", "codex", "shell"]


@pytest.mark.parametrize("provider", CHOICES)
def test_what_init_writes_is_valid_and_has_no_warning(command_line: CommandLine, provider: str) -> None:
    outcome = command_line.run("init", "--provider", provider)
    catalog = Catalog(command_line.paths, templates=tuple(PROVIDERS))
    agent = catalog.agent(provider)
    bottle = catalog.bottle_of(agent)

    assert outcome.code == 0
    assert outcome.out == ""
    assert outcome.err.endswith(f"next: bottle start {provider}\n")
    assert (agent.warnings, bottle.warnings) == ((), ())
    assert bottle.manifest.agent_provider.template == provider
    assert command_line.paths.home.stat().st_mode & 0o077 == 0


def test_each_provider_can_be_chosen() -> None:
    assert sorted(PROVIDERS) == CHOICES


def test_nothing_is_overwritten_without_a_yes(command_line: CommandLine) -> None:
    """Without a terminal to ask on, that is: never."""
    command_line.run("init", "--provider", "shell")
    file = command_line.paths.bottles / "shell.md"
    file.write_text("mine")
    script = f"{' '.join(PROGRAM)} init --provider shell"
    argv = (sys.executable, "-c", f"import os; os.setsid(); os.execvp('sh', ['sh', '-c', {script!r}])")
    with OperatorTerminal(*argv, env=command_line.environ) as terminal:
        assert terminal.wait() in {2, -6, 1}

    assert file.read_text() == "mine"
    assert command_line.run("init", "--provider", "shell", "--force").code == 0
    assert file.read_text() != "mine"


@pytest.mark.parametrize(
    ("typed", "code", "kept"),
    [(b"n\r", 1, True), (b"\x03", 130, True), (b"\x04", 130, True), (b"y\r", 0, False)],
)
def test_on_a_terminal_it_asks(command_line: CommandLine, typed: bytes, code: int, *, kept: bool) -> None:
    command_line.run("init", "--provider", "shell")
    file = command_line.paths.bottles / "shell.md"
    file.write_text("mine")
    with OperatorTerminal(
        *LEADER, *PROGRAM, "init", "--provider", "shell", env=command_line.environ
    ) as terminal:
        terminal.expect(rb"\[y/N\] \Z")
        terminal.type(typed)

        assert terminal.wait() == code
        assert b"Traceback" not in terminal.output
    assert (file.read_text() == "mine") is kept


def test_yes_takes_what_was_found(command_line: CommandLine) -> None:
    (command_line.folder / ".gitconfig").write_text("[user]\n\tname = Ada\n")
    outcome = command_line.run("init", "--yes", OPENAI_API_KEY="sk-secret")
    manifest = Catalog(command_line.paths).bottle("codex").manifest

    assert outcome.code == 0
    assert "sk-secret" not in outcome.err
    assert manifest.git_gate.user.name == "Ada"
    assert [spec.route.host for spec in manifest.egress.routes] == ["api.openai.com"]


def test_yes_overwrites_nothing(command_line: CommandLine) -> None:
    command_line.run("init", "--provider", "shell")
    file = command_line.paths.bottles / "shell.md"
    file.write_text("mine")
    outcome = command_line.run("init", "--yes", "--provider", "shell")

    assert outcome.code == 1
    assert "hint: give --force" in outcome.err
    assert file.read_text() == "mine"


def test_without_a_terminal_it_says_what_to_give(command_line: CommandLine) -> None:
    command = Command(argv=(*PROGRAM, "init"), env=command_line.environ, cwd=str(command_line.folder))
    process = spawn(command, stdin=DEVNULL, stderr=PIPE, new_session=True)
    assert process.stderr
    said = process.stderr.read()
    process.stderr.close()
    end(process)

    assert process.returncode == 2
    assert said == b"error: there is no terminal to ask on\nhint: bottle init --provider claude\n"


def test_a_home_that_cannot_be_written_is_told(command_line: CommandLine) -> None:
    command_line.paths.home.write_text("")
    outcome = command_line.run("init", "--provider", "shell")

    assert outcome.code == 1
    assert "cannot be written: " in outcome.err
