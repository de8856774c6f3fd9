"""A git gate: a sidecar with one, a git that works through it as in a bottle, a bottle that has one."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import frozen

from bottle.proc import Command, Completed, run
from bottle_sidecar.control.protocol import GateStart
from bottle_sidecar.policy.gate import GateRepo
from support.project import shell_agent
from support.sidecar import Sidecar
from support.sshd import Sshd, git

SECRET = "operator-secret-7f3a9c51e2"
"""What the lab's sidecar holds as a token."""


class GateLab:
    """`folder` holds everything; `repos` are served, each with the one `key`."""

    def __init__(
        self, folder: Path, repos: Sequence[GateRepo], key: Path, *, cache: Path | None = None, **start: Any
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        gate = GateStart(
            repos=tuple(repos),
            keys={repo.name: key.read_text() for repo in repos},
            scratch=str(self.scratch),
            sockets=str(folder),
            cache=None if cache is None else str(cache),
        )
        self.sidecar = Sidecar(folder, gate=gate, **start)
        self._clones = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sidecar.stop()

    @property
    def env(self) -> Mapping[str, str]:
        settings = {
            "url.http://gate.bottle/.insteadOf": "ssh://",
            "http.http://gate.bottle/.proxy": f"http://127.0.0.1:{self.sidecar.port}",
        }
        counted = list(enumerate(settings.items()))
        return {
            "GIT_CONFIG_COUNT": str(len(settings)),
            **{f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in counted},
            **{f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in counted},
        }

    def git(self, *words: str, check: bool = True, env: Mapping[str, str] | None = None) -> Completed:
        """Runs git as the agent would."""
        return git(*words, env={**self.env, **(env or {})}, check=check)

    def clone(self, url: str, *options: str) -> "Work":
        self._clones += 1
        folder = self.folder / f"clone{self._clones}"
        self.git("clone", "--quiet", *options, url, str(folder))
        return Work(self, folder)


class Work:
    """A working copy."""

    def __init__(self, lab: GateLab, folder: Path) -> None:
        self._lab = lab
        self.folder = folder

    def git(self, *words: str, check: bool = True, env: Mapping[str, str] | None = None) -> Completed:
        return self._lab.git("-C", str(self.folder), *words, check=check, env=env)

    def commit(self, name: str, content: str | bytes, message: str = "a change") -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD").text.strip()

    def copy(self, folder: Path) -> "Work":
        """Another one of the same state, without asking the remote."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Work(self._lab, folder)

    def push(self, *words: str) -> Completed:
        """Whatever becomes of it; the text is in `stderr`."""
        return self.git("push", *words, check=False)


@frozen(kw_only=True)
class Remote:
    """A declared upstream, its bare repository, and the gate that serves it."""

    lab: GateLab
    url: str
    bare: Path

    def clone(self, *options: str) -> Work:
        return self.lab.clone(self.url, *options)

    def seeded(self) -> Work:
        """A working copy whose `main` is pushed."""
        work = self.clone()
        work.commit("README", "hello\n", "first")
        done = work.push("--set-upstream", "origin", "HEAD:main")
        assert done.code == 0, done.stderr.decode()
        return work

    def refs(self) -> dict[str, str]:
        listed = git("-C", str(self.bare), "for-each-ref", "--format=%(refname) %(objectname)").text
        return dict(line.split(" ") for line in listed.splitlines())

    def objects(self) -> str:
        return git("-C", str(self.bare), "cat-file", "--batch-all-objects", "--batch-check").text


def gate_agent(sshd: Sshd, *names: str, key: Path | None = None, push: str = "{}") -> dict[str, str]:
    """Manifests of a shell agent whose bottle declares these repositories, and commits as Ada."""
    login = f"identity: '{key or sshd.key}', host_key: '{sshd.host_key()}', push: {push}"
    repos = "".join(f"\n    {name}: {{url: '{sshd.url(name)}', {login}}}" for name in names)
    gate = f"\n  user: {{name: Ada, email: ada@example.com}}\n  repos:{repos}"
    return shell_agent(**{"git-gate": gate})


def remove_copies(environ: Mapping[str, str]) -> None:
    """Removes the copies of upstreams from an engine, but for those that other tests' bottles use now."""
    filters = ("--filter", "dangling=true", "--filter", "name=bot-bottle-git-")
    listing = ("docker", "volume", "ls", "--quiet", *filters)
    for volume in run(Command(argv=listing, env=environ)).text.split():
        run(Command(argv=("docker", "volume", "rm", volume), env=environ), check=False)
