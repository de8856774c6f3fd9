from pathlib import Path
from typing import Any

import pytest

from bottle.plan import AGENT_PATH, GitIdentity, GitIdentityField, Provenance
from bottle.proc import Command, run
from bottle.providers.base import AgentContext
from bottle.providers.environment import common_environment, common_files
from bottle_sidecar.policy.gate import GateRepo


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

    assert read.stdout.decode() == (
        f"core.checkstat\nminimal\0core.trustctime\nfalse\0user.name\n{name}\0user.email\na@b.c\0"
    )


def upstream(**changes: Any) -> GateRepo:
    fields = {"name": "a", "user": "git", "host": "git.example.com", "path": "/a.git", "host_key": "k K"}
    return GateRepo(**{**fields, **changes})


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("ssh://git@git.example.com/a.git", "http://gate.bottle/git@git.example.com/a.git"),
        ("ssh://git@git.example.com:2222/b", "http://gate.bottle/git@git.example.com:2222/b"),
        ("git@git.example.com:a.git", "http://gate.bottle/git@git.example.com/a.git"),
        ("git+ssh://git@git.example.com/a.git", "http://gate.bottle/git@git.example.com/a.git"),
        ("ssh://git@elsewhere.example.com/x", "http://gate.bottle/git@elsewhere.example.com/x"),
        ("git://elsewhere.example.com/x", "http://gate.bottle/elsewhere.example.com/x"),
        ("git@other.example.com:a.git", "git@other.example.com:a.git"),
        ("https://git.example.com/a.git", "https://git.example.com/a.git"),
        ("/workspace/a.git", "/workspace/a.git"),
    ],
)
def test_git_reaches_ssh_upstreams_through_the_gate(tmp_path: Path, url: str, reached: str) -> None:
    upstreams = (
        upstream(),
        upstream(name="b", port=2222),
        upstream(name="c", host="other.example.com", port=1),
    )
    text = _file(AgentContext(git_upstreams=upstreams), ".gitconfig")
    assert text is not None
    (tmp_path / "config").write_text(text)
    environment = {"GIT_CONFIG_GLOBAL": str(tmp_path / "config"), "PATH": "/usr/bin:/bin"}

    read = run(Command(argv=("git", "ls-remote", "--get-url", url), env=environment, cwd=str(tmp_path)))

    assert read.text.strip() == reached


def test_without_upstreams_nothing_is_rewritten() -> None:
    identity = GitIdentity(email=_field("a@b.c"))

    assert "gate.bottle" not in str(_file(AgentContext(git_identity=identity), ".gitconfig"))


def test_git_identity_may_lack_a_field_or_all() -> None:
    assert str(_file(AgentContext(git_identity=GitIdentity(email=_field("a@b.c"))), ".gitconfig")).endswith(
        '[user]\n\temail = "a@b.c"\n'
    )
    assert "[user]" not in str(_file(AgentContext(), ".gitconfig"))
