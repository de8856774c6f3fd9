"""A real sshd on an address of the test's own, with bare repositories that one key may use."""

import getpass
import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from bottle import proc
from bottle.proc import Command, run
from bottle_sidecar.policy.gate import GateRepo, PushRules

_PRIVILEGES = Path("/run/sshd")
_SECONDS = 20.0


def keygen(path: Path, kind: str = "ed25519", *, passphrase: str = "") -> Path:
    options = ("-b", "2048") if kind == "rsa" else ()
    run(Command(argv=("ssh-keygen", "-q", "-t", kind, *options, "-N", passphrase, "-C", "", "-f", str(path))))
    return path


class Sshd:
    """`key`: the private key that it lets in, as the user who runs the tests."""

    def __init__(
        self, folder: Path, *, host: str = "127.0.0.1", kinds: tuple[str, ...] = ("ed25519",)
    ) -> None:
        self.folder = folder
        self.host = host
        self.user = getpass.getuser()
        self.repos = folder / "repos"
        self.repos.mkdir(parents=True)
        self.key = keygen(folder / "client")
        self.host_keys = {kind: keygen(folder / f"host_{kind}", kind) for kind in kinds}
        self._authorised = folder / "authorized"
        self._authorised.write_text(self.key.with_suffix(".pub").read_text())
        self.log = folder / "sshd.log"
        self.port = _free_port(host)
        self._process: proc.Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        if os.getuid() == 0:
            _PRIVILEGES.mkdir(mode=0o755, exist_ok=True)
        config = self.folder / "sshd_config"
        lines = {
            "ListenAddress": f"{self.host}:{self.port}",
            "AuthorizedKeysFile": str(self._authorised),
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "PidFile": "none",
            "LogLevel": "VERBOSE",
            "MaxStartups": "200",
            "AcceptEnv": "GIT_PROTOCOL",
        }
        keys = [f"HostKey {path}" for path in self.host_keys.values()]
        config.write_text("\n".join([*keys, *(f"{name} {value}" for name, value in lines.items()), ""]))
        with self.log.open("ab") as log:
            command = Command(argv=("/usr/sbin/sshd", "-D", "-e", "-f", str(config)))
            self._process = proc.spawn(command, stdin=proc.DEVNULL, stdout=proc.DEVNULL, stderr=log)
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(self.log.read_text())

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            proc.end(self._process, _SECONDS)
            self._process = None

    def host_key(self, kind: str | None = None) -> str:
        """`<type> <base64>` of a host key; of the first kind by default."""
        path = self.host_keys[kind or next(iter(self.host_keys))]
        return " ".join(path.with_suffix(".pub").read_text().split()[:2])

    def bare(self, name: str) -> Path:
        """A new bare repository, which may be pushed to in every way."""
        path = self.repos / f"{name}.git"
        git("init", "--quiet", "--bare", "--initial-branch=main", str(path))
        git("-C", str(path), "config", "receive.advertisePushOptions", "true")
        return path

    def url(self, name: str) -> str:
        return f"ssh://{self.user}@{self.host}:{self.port}{self.repos}/{name}.git"

    def declared(self, name: str, *, push: PushRules | None = None, kind: str | None = None) -> GateRepo:
        """The repository as a gate is told of it."""
        return GateRepo(
            name=name,
            user=self.user,
            host=self.host,
            port=self.port,
            path=f"{self.repos}/{name}.git",
            host_key=self.host_key(kind),
            push=push or PushRules(),
        )


def git(
    *words: str, env: dict[str, str] | None = None, check: bool = True, stdin: bytes = b""
) -> proc.Completed:
    """The machine's git, with an identity and without anybody's settings."""
    plain = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": "false",
        "GIT_AUTHOR_NAME": "Tester",
        "GIT_AUTHOR_EMAIL": "tester@example.com",
        "GIT_COMMITTER_NAME": "Tester",
        "GIT_COMMITTER_EMAIL": "tester@example.com",
    }
    command = Command(argv=("git", *words), env={**plain, **(env or {})}, cwd="/", timeout=600)
    return run(command, stdin=stdin, check=check)


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as server:
        port: int = server.getsockname()[1]
        return port
