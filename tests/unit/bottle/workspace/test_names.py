from pathlib import PurePosixPath

import pytest

from bottle.workspace import names


@pytest.mark.parametrize("name", [".git", ".GIT", ".git ", "git~1", ".g\u200cit", "a\\.git", ".git:x"])
def test_what_some_file_system_takes_for_git_s_own(name: str) -> None:
    assert names.refused(PurePosixPath("a", name, "config"))


@pytest.mark.parametrize("name", [".gitignore", ".github", "git", "a.git", "g.it", "\udcff"])
def test_other_names_are_free(name: str) -> None:
    assert not names.refused(PurePosixPath(name))


@pytest.mark.parametrize(
    "path", ["", ".", "..", "../a", "a/../../b", "/a", "//a", "a\0b", ".bottle-apply-x/n1"]
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    assert names.refused(PurePosixPath(path))


def test_names_alike_have_one_folded_form() -> None:
    assert names.folded("README") == names.folded("readme")
    assert names.folded("\u00e9") == names.folded("E\u0301")
    assert names.folded("stra\u00dfe") == names.folded("STRASSE")
    assert names.folded("a") != names.folded("b")
