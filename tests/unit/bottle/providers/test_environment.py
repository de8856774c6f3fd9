from pathlib import Path

import pytest

from bottle.plan import AGENT_PATH, GitIdentity, GitIdentityField, Provenance
from bottle.proc import Command, run
from bottle.providers.base import AgentContext
from bottle.providers.environment import common_environment, common_files


def _field(value: str) -> GitIdentityField:
    return GitIdentityField(value=value, provenance=Provenance.AGENT)


def _file(context: AgentContext, name: str) -> str | None:
    return next((file.content.decode() for file in common_files(context) if file.path.name == name), None)


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ("xterm-256color", "xterm-256color"),
        ("tmux-256color", "tmux-256color"),
        ("dumb", "dumb"),
        ("xterm-kitty", "xterm-256color"),
        ("", "xterm-256color"),
        ("../../evil", "xterm-256color"),
    ],
)
def test_terminal_is_one_that_the_bottle_knows(given: str, chosen: str) -> None:
    assert common_environment(AgentContext(terminal={"TERM": given}))["TERM"] == chosen


def test_colour_depth_is_passed_on_where_there_is_one() -> None:
    assert common_environment(AgentContext(terminal={"COLORTERM": "truecolor"}))["COLORTERM"] == "truecolor"
    assert "COLORTERM" not in common_environment(AgentContext())


def test_nothing_else_of_the_operators_terminal_gets_in() -> None:
    environment = common_environment(AgentContext(terminal={"SECRET": "x", "LD_PRELOAD": "y"}))
    assert environment == common_environment(AgentContext())


def test_loopback_stays_direct() -> None:
    environment = common_environment(AgentContext())
    assert environment["NO_PROXY"] == environment["no_proxy"] == "127.0.0.1,localhost,::1"


def test_login_shell_keeps_the_path(tmp_path: Path) -> None:
    profile = _file(AgentContext(), ".profile")
    assert profile is not None
    (tmp_path / ".profile").write_text(profile)
    (tmp_path / ".bashrc").write_text("FROM_BASHRC=yes\n")
    shell = Command(
        argv=("bash", "--login", "-c", 'echo "$PATH" "$FROM_BASHRC"'),
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )

    assert run(shell).text == f"{AGENT_PATH} yes"


@pytest.mark.parametrize(
    "name",
    ["Ada Lovelace", 'a "quoted" \\ name', "# ; not a comment", "  spaced  ", "tab\tnewline\nend", "Zoë"],
)
def test_git_reads_the_identity_back(tmp_path: Path, name: str) -> None:
    text = _file(
        AgentContext(git_identity=GitIdentity(name=_field(name), email=_field("a@b.c"))), ".gitconfig"
    )
    assert text is not None
    config = tmp_path / "config"
    config.write_text(text)

    read = run(Command(argv=("git", "config", "--file", str(config), "--null", "--list")))

    assert read.stdout.decode() == f"user.name\n{name}\0user.email\na@b.c\0"


def test_git_identity_may_lack_a_field_or_all() -> None:
    assert _file(AgentContext(git_identity=GitIdentity(email=_field("a@b.c"))), ".gitconfig") == (
        '[user]\n\temail = "a@b.c"\n'
    )
    assert _file(AgentContext(), ".gitconfig") is None
