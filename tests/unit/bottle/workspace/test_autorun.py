from pathlib import PurePosixPath

import pytest

from bottle.workspace import autorun


@pytest.mark.parametrize(
    ("path", "who"),
    [
        (".githooks/pre-commit", "git"),
        ("web/.husky/_/post-merge", "git"),
        ("lefthook.yml", "git"),
        (".pre-commit-config.yaml", "git"),
        (".gitattributes", "git"),
        (".gitmodules", "git"),
        (".github/workflows/ci.yml", "CI"),
        (".GitHub/Workflows/ci.yml", "CI"),
        (".gitlab-ci.yml", "CI"),
        (".circleci/config.yml", "CI"),
        ("Jenkinsfile", "CI"),
        ("azure-pipelines.yml", "CI"),
        (".github/dependabot.yml", "service"),
        ("deep/er/.envrc", "shell"),
        ("mise.toml", "shell"),
        (".tool-versions", "shell"),
        (".vscode/tasks.json", "editor"),
        (".idea/workspace.xml", "editor"),
        (".vscode", "editor"),
        ("sub/.exrc", "editor"),
        (".devcontainer/devcontainer.json", "container"),
        (".claude/settings.json", "AI agent"),
        (".mcp.json", "AI agent"),
        (".codex/config.toml", "AI agent"),
        ("AGENTS.md", "AI agent"),
        ("docs/CLAUDE.md", "AI agent"),
        (".bot-bottle/agents/x.md", "bottle"),
        ("package.json", "package manager"),
        (".npmrc", "package manager"),
        ("a/.cargo/config.toml", "package manager"),
        ("lib/x.pth", "Python"),
        ("sitecustomize.py", "Python"),
    ],
)
def test_what_runs_by_itself(path: str, who: str) -> None:
    assert who in (autorun.why(PurePosixPath(path)) or "")


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "src/main.py",
        "Makefile",
        "github/workflows/x.yml",
        "my.envrc",
        "agents/md",
        "xpackage.json",
        ".in",
    ],
)
def test_what_does_not(path: str) -> None:
    assert autorun.why(PurePosixPath(path)) is None


def test_a_newline_hides_nothing() -> None:
    assert autorun.why(PurePosixPath("a\nb/.envrc"))
