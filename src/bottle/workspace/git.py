"""The host's git, as far as workspaces need it: asked about the operator's repository, or run in one of ours.

What is compared comes from an agent: in a repository of ours git reads nobody's configuration or attributes,
and nowhere does it run a program or fetch anything.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from attrs import field, frozen

from bottle import proc
from bottle.errors import BottleError, EnvironmentLacksError
from bottle.proc import Command, Completed
from bottle.tree import blob_id
from bottle.workspace.importing import Entry, write_commit

_SECONDS = 600.0
_PROGRAM = "git"
_NOTHING_RUNS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_NOTHING_COMES = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
_ALONE = {
    **_NOTHING_COMES,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": "/dev/null",
    "LC_ALL": "C.UTF-8",
    "XDG_CONFIG_HOME": "/dev/null",
}
_SETTINGS = ("core.protectHFS=false", "core.protectNTFS=false", "core.quotePath=false", "core.compression=0")
_SET = tuple(word for setting in _SETTINGS for word in ("-c", setting))
_OLD, _NEW = "refs/heads/old", "refs/heads/new"


@frozen(kw_only=True)
class Git:
    """`environ`: the operator's. Raises EnvironmentLacksError where there is no git."""

    environ: Mapping[str, str] = field(repr=False)

    def alone(self, *arguments: str, stdin: bytes | IO[bytes] | None = None) -> Completed:
        """Runs it with nobody's configuration. Raises CommandFailed."""
        return _run(self.command(*arguments), stdin=stdin)

    def command(self, *arguments: str) -> Command:
        """One that reads nobody's configuration."""
        env = {"PATH": self.environ.get("PATH", "/usr/bin:/bin"), **_ALONE}
        return Command(argv=(_PROGRAM, *_SET, *arguments), env=env, cwd="/", timeout=_SECONDS)

    def repository(self, folder: Path) -> "PrivateRepository":
        """A new one in `folder`, which is ours alone."""
        self.alone("init", "--quiet", "--bare", "--template=", str(folder))
        return PrivateRepository(git=self, folder=folder)

    def blob(self, source: Path, blob: str) -> bytes | None:
        """The object of that name in the operator's own repository around `source`; None without it."""
        done = self._in(source, "cat-file", "blob", blob)
        return done.stdout if done.code == 0 and blob_id(done.stdout) == blob else None

    def ignored(self, source: Path, paths: Mapping[PurePosixPath, bool]) -> Collection[PurePosixPath]:
        """Those that the operator's git ignores, less what it tracks; none outside of a repository.

        `paths`: whether each is a folder.
        """
        asked = [path for path in paths if not _behind_link(source, path)]
        if not asked or self._in(source, "rev-parse", "--git-dir").code:
            return frozenset()
        names = b"".join(bytes(path) + (b"/\0" if paths[path] else b"\0") for path in asked)
        done = self._in(source, "check-ignore", "--no-index", "-z", "--stdin", stdin=names)
        if done.code > 1:
            said = done.stderr.decode(errors="replace").strip()
            raise BottleError(f"git cannot tell what is ignored: {said}", location=str(source))
        hits = frozenset(_paths(done.stdout))
        return hits - frozenset(_paths(self._in(source, "ls-files", "-z").stdout)) if hits else hits

    def _in(self, source: Path, *arguments: str, stdin: bytes | None = None) -> Completed:
        """With the operator's own configuration, since what they ignore may stand there."""
        env = {name: value for name, value in self.environ.items() if not name.startswith("GIT_")}
        argv = (_PROGRAM, "-C", str(source), *_NOTHING_RUNS, *arguments)
        command = Command(argv=argv, env={**env, **_NOTHING_COMES}, cwd="/", timeout=_SECONDS)
        return _run(command, stdin=stdin, check=False)


@frozen(kw_only=True)
class PrivateRepository:
    """Two trees in a repository of ours, to be compared."""

    git: Git
    folder: Path

    def fill(self, old: Iterable[Entry], new: Iterable[Entry]) -> None:
        """Raises CommandFailed, and OSError where a content cannot be read."""
        command = self.git.command(*self._here(), "fast-import", "--quiet", "--depth=0", "--done")
        with proc.writing(command) as stream:
            write_commit(stream, _OLD, old)
            write_commit(stream, _NEW, new)
            stream.write(b"done\n")

    def diff_command(self, *options: str) -> Command:
        """What prints the difference, in the form that the options ask for."""
        plain = ("--no-ext-diff", "--no-textconv", "--no-color", "-r", "-M")
        return self.git.command(*self._here(), "diff-tree", *plain, *options, _OLD, _NEW, "--")

    @contextmanager
    def diff(self, *options: str) -> Iterator[IO[bytes]]:
        with proc.reading(self.diff_command(*options)) as stream:
            yield stream

    def _here(self) -> tuple[str, ...]:
        return ("--git-dir", str(self.folder))


def _run(command: Command, *, stdin: bytes | IO[bytes] | None, check: bool = True) -> Completed:
    try:
        return proc.run(command, stdin=stdin, check=check)
    except EnvironmentLacksError as error:
        raise EnvironmentLacksError(error.message, hint="sudo apt-get install -y git") from None


def _behind_link(source: Path, path: PurePosixPath) -> bool:
    """Git refuses to speak of such a path."""
    return any((source / parent).is_symlink() for parent in path.parents[:-1])


def _paths(names: bytes) -> Iterator[PurePosixPath]:
    return (PurePosixPath(name.decode(errors="surrogateescape")) for name in names.split(b"\0") if name)
