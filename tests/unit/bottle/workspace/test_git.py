import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from bottle.errors import EnvironmentLacksError
from bottle.proc import Command, run
from bottle.tree import Kind, Node, blob_id
from bottle.workspace.git import Git
from bottle.workspace.importing import Entry

IDENTITY = ("-c", "user.name=n", "-c", "user.email=e@example.com")


def path(name: str) -> PurePosixPath:
    return PurePosixPath(name)


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """An operator's, with a home of their own."""
    home = tmp_path / "home"
    home.mkdir()
    return Git(environ={"PATH": os.environ["PATH"], "HOME": str(home)})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with a repository of the operator's."""
    folder = tmp_path / "source"
    folder.mkdir()
    there(folder, "init", "--quiet")
    return folder


def there(folder: Path, *arguments: str) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return run(Command(argv=("git", "-C", str(folder), *IDENTITY, *arguments), env=env)).text


class Trap:
    """A program that git might be told to run, and that leaves a trace."""

    def __init__(self, folder: Path) -> None:
        self._trace = folder / "ran"
        self.program = folder / "trap"
        self.program.write_text(f"#!/bin/sh\necho x >>{self._trace}\n")
        self.program.chmod(0o755)

    @property
    def sprung(self) -> bool:
        return self._trace.exists()


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Trap]:
    made = Trap(tmp_path)
    yield made
    assert not made.sprung


def entry(folder: Path, name: str, text: str, mode: int = 0o644) -> Entry:
    content = folder / f"content-{len(list(folder.iterdir()))}"
    content.write_text(text)
    return Entry(path=path(name), node=Node(kind=Kind.FILE, mode=mode), content=content)


def test_two_trees_are_compared(git: Git, tmp_path: Path) -> None:
    old = [entry(tmp_path, "a", "1\n"), entry(tmp_path, "moved", "x\n" * 50)]
    link = Entry(path=path("l"), node=Node(kind=Kind.LINK, target="a"))
    new = [entry(tmp_path, "a", "2\n", 0o755), entry(tmp_path, "here", "x\n" * 50 + "y\n"), link]
    repository = git.repository(tmp_path / "private")

    repository.fill(old, new)

    with repository.diff("--raw", "--abbrev=4") as stream:
        lines = [line.split()[3:] for line in stream.read().decode().splitlines()]
    with repository.diff("--name-status") as stream:
        assert stream.read() == b"M\ta\nR098\tmoved\there\nA\tl\n"
    assert len(lines) == 3
    assert not stat.S_IMODE((tmp_path / "private").stat().st_mode) & 0o022


def test_in_a_private_repository_nobodys_settings_hold_and_nothing_runs(tmp_path: Path, trap: Trap) -> None:
    home = tmp_path / "home"
    (home / ".config" / "git").mkdir(parents=True)
    config = (
        f'[diff]\n\texternal = "{trap.program}"\n\tnoprefix = true\n\torderFile = /nonexistent\n'
        f'[core]\n\tfsmonitor = "{trap.program}"\n\tattributesFile = {home}/attributes\n'
        f'[diff "evil"]\n\ttextconv = "{trap.program}"\n\tcommand = "{trap.program}"\n'
    )
    (home / ".gitconfig").write_text(config)
    (home / ".config" / "git" / "attributes").write_text("* diff=evil -diff\n")
    (home / "attributes").write_text("* diff=evil -diff\n")
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(home), "GIT_EXTERNAL_DIFF": str(trap.program),
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "diff.external", "GIT_CONFIG_VALUE_0": str(trap.program),
        "GIT_DIFF_OPTS": "--unified=0", "GIT_DIR": "/nonexistent", "GIT_OBJECT_DIRECTORY": "/nonexistent",
    }  # fmt: skip
    attributes = entry(tmp_path, ".gitattributes", "* diff=evil -diff filter=evil\n")
    repository = Git(environ=environ).repository(tmp_path / "private")

    repository.fill([attributes, entry(tmp_path, "a", "1\n")], [attributes, entry(tmp_path, "a", "2\n")])

    with repository.diff("--patch") as stream:
        text = stream.read().decode()
    assert "diff --git a/a b/a\n" in text
    assert "-1\n+2\n" in text


def test_the_traps_are_real(tmp_path: Path, source: Path) -> None:
    """Control of the test above: without the care that is taken, git does run it."""
    trap = Trap(tmp_path)
    (source / ".gitattributes").write_text("* diff=evil\n")
    there(source, "config", "diff.evil.command", str(trap.program))
    (source / "a").write_text("1\n")
    there(source, "add", ".")
    (source / "a").write_text("2\n")
    there(source, "diff")
    assert trap.sprung


def test_objects_come_from_the_operators_repository(git: Git, source: Path) -> None:
    (source / "a").write_bytes(b"content\xff")
    there(source, "add", "a")

    assert git.blob(source, blob_id(b"content\xff")) == b"content\xff"
    assert git.blob(source, blob_id(b"none")) is None
    assert git.blob(source.parent / "home", blob_id(b"content\xff")) is None


def test_an_object_that_stands_for_another_is_not_taken(git: Git, source: Path) -> None:
    for name in ("a", "b"):
        (source / name).write_text(name)
    there(source, "add", ".")
    there(source, "replace", blob_id(b"a"), blob_id(b"b"))

    assert git.blob(source, blob_id(b"a")) == b"a"


def test_nothing_is_fetched_for_an_object_that_is_not_there(git: Git, source: Path, trap: Trap) -> None:
    there(source, "remote", "add", "origin", "ssh://host.example/x")
    there(source, "config", "core.sshCommand", str(trap.program))
    for key, value in (("promisor", "true"), ("partialclonefilter", "blob:none")):
        there(source, "config", f"remote.origin.{key}", value)
    there(source, "config", "core.repositoryformatversion", "1")
    there(source, "config", "extensions.partialclone", "origin")

    assert git.blob(source, blob_id(b"elsewhere")) is None


def test_the_operators_ignored_paths_are_told(git: Git, source: Path, tmp_path: Path) -> None:
    (source / ".gitignore").write_text("*.log\nbuild/\n!keep.log\n")
    (source / ".git" / "info" / "exclude").write_text("excluded\n")
    (tmp_path / "home" / ".config" / "git").mkdir(parents=True)
    (tmp_path / "home" / ".config" / "git" / "ignore").write_text("*.swp\n")
    (source / "tracked.log").touch()
    there(source, "add", "--force", "tracked.log")
    (source / "link").symlink_to(tmp_path)
    files = (
        "a.log",
        "keep.log",
        "tracked.log",
        "build/deep/f",
        "excluded",
        "x.swp",
        "new\nline.log",
        "b\udcff.log",
        "c",
    )

    ignored = git.ignored(
        source, {**dict.fromkeys(map(path, files), False), path("build"): True, path("link/a.log"): False}
    )

    names = {"a.log", "build", "build/deep/f", "excluded", "x.swp", "new\nline.log", "b\udcff.log"}
    assert ignored == {path(name) for name in names}


def test_a_submodule_does_not_keep_git_from_answering(git: Git, source: Path) -> None:
    (source / "sub").mkdir()
    there(source / "sub", "init", "--quiet")
    there(source / "sub", "commit", "--quiet", "--allow-empty", "-m", "x")
    there(source, "-c", "advice.addEmbeddedRepo=false", "add", "sub")
    (source / ".gitignore").write_text("*.log\n")

    assert git.ignored(source, {path("sub/a.log"): False}) == {path("sub/a.log")}


def test_the_question_runs_nothing(git: Git, source: Path, trap: Trap) -> None:
    there(source, "config", "core.fsmonitor", str(trap.program))
    (source / ".git" / "hooks" / "fsmonitor-watchman").symlink_to(trap.program)
    (source / ".gitignore").write_text("*.log\n")

    assert git.ignored(source, {path("a.log"): False}) == {path("a.log")}


def test_outside_of_a_repository_nothing_is_ignored(git: Git, tmp_path: Path) -> None:
    assert git.ignored(tmp_path, {path("a.log"): False}) == frozenset()
    assert git.ignored(tmp_path, {}) == frozenset()


def test_a_machine_without_git_is_told_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError, match="'git' is not installed") as raised:
        Git(environ={"PATH": str(tmp_path)}).repository(tmp_path / "x")
    assert raised.value.hint == "sudo apt-get install -y git"
