import json
import os
from pathlib import Path

import pytest

from bottle.cli.findings import CodexLogin, Findings
from bottle.manifest.schema import GitUser
from bottle.paths import Paths

SECRET = "sk-very-secret-value"


def find(home: Path, **environ: str) -> Findings:
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", **environ}
    return Findings.of(env, Paths.from_environment(env, uid=0, cwd=home))


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    found = find(tmp_path, PATH=str(tmp_path))

    assert found == Findings(variables=found.variables)
    assert list(found.lines()) == []
    assert found.provider() == "claude"


def test_a_value_is_never_in_what_is_found(tmp_path: Path) -> None:
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex" / "auth.json").write_text(json.dumps({"OPENAI_API_KEY": SECRET}))
    found = find(tmp_path, ANTHROPIC_API_KEY=SECRET)

    assert SECRET not in repr(found) + "\n".join(found.lines())
    assert "the variable ANTHROPIC_API_KEY" in found.lines()
    assert found.credentials("claude") == ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN")


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_is_not_set(tmp_path: Path, empty: str) -> None:
    found = find(tmp_path, OPENAI_API_KEY=empty)

    assert "OPENAI_API_KEY" not in found.variables
    assert found.credentials("shell") == ()


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ('{"auth_mode": "chatgpt", "OPENAI_API_KEY": null}', CodexLogin.CHATGPT),
        ('{"tokens": {"access_token": "x"}}', CodexLogin.CHATGPT),
        ('{"OPENAI_API_KEY": "x"}', CodexLogin.API_KEY),
        ("{}", CodexLogin.UNKNOWN),
        ("[]", CodexLogin.UNKNOWN),
        ("[" * 100_000, CodexLogin.UNKNOWN),
        ("\udcff", CodexLogin.UNKNOWN),
    ],
)
def test_the_kind_of_codex_login(tmp_path: Path, text: str, login: CodexLogin) -> None:
    (tmp_path / "auth.json").write_bytes(text.encode(errors="surrogateescape"))

    assert find(tmp_path, CODEX_HOME=str(tmp_path)).codex_login is login


def test_a_pipe_in_place_of_the_login_does_not_hold_us_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "auth.json")

    assert find(tmp_path, CODEX_HOME=str(tmp_path)).codex_login is None


def test_programs_and_folders(tmp_path: Path) -> None:
    (tmp_path / "codex").write_text("#!/bin/sh\n")
    (tmp_path / "codex").chmod(0o755)
    (tmp_path / ".claude").mkdir()
    found = find(tmp_path, PATH=f"{tmp_path}:/usr/bin:/bin")

    assert found.programs == {"codex": str(tmp_path / "codex")}
    assert found.provider() == "codex"
    assert set(found.lines()) == {
        f"settings of Claude Code ({tmp_path}/.claude)",
        f"the program codex ({tmp_path}/codex)",
    }
    assert Findings(variables=frozenset({"OPENAI_API_KEY"}), programs={"claude": "x"}).provider() == "codex"


def test_a_chatgpt_login_is_as_good_as_a_variable() -> None:
    found = Findings(codex_login=CodexLogin.CHATGPT, programs={"claude": "x"})

    assert found.provider() == "codex"
    assert [found.has_login(provider) for provider in ("claude", "codex", "shell")] == [False, True, False]
    assert not Findings(codex_login=CodexLogin.API_KEY).has_login("codex")


def test_the_git_identity(tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Ada L\n\temail = ada@example.com\n")

    assert find(tmp_path).git_user == GitUser(name="Ada L", email="ada@example.com")
