import pytest

from bottle_sidecar.policy.gitnames import is_git


@pytest.mark.parametrize(
    "name",
    [
        *(".git", ".GIT", ".Git", ".git ", ".git.", ".git . .", "git~1", "GIT~1", "git~1. "),
        *(".g\u200cit", "\ufeff.git", ".gi\u202et", ".git\u200d ", ".git::$INDEX_ALLOCATION", ".git:x"),
        *("a\\.git", ".git\\config", "a\\git~1\\hooks"),
    ],
)
def test_what_some_file_system_takes_for_git_is_git(name: str) -> None:
    assert is_git(name)


@pytest.mark.parametrize(
    "name",
    [".gitignore", ".gitattributes", ".github", "git", "x.git", ".git~1", "git~2", ". git", ".git-x", ""],
)
def test_others_are_not(name: str) -> None:
    assert not is_git(name)
