"""Git repositories behind an sshd of the suite's own, which listens nowhere: it is started per connection."""

import os
import pwd
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import which

from attrs import define, field, frozen

from bottle import proc
from bottle.errors import BottleError
from bottle.proc import Command, run
from bottle.selftest.facts import Untestable

HOOK_WORDS = "a hook ran"
HOOKED = "with-hook"
OWN, THEIRS, UNDECLARED = "own", "theirs", "undeclared"
_PROGRAMS = ("git", "ssh", "ssh-keygen", "ssh-agent", "ssh-add", "sshd")
_PLACES = ":/usr/sbin:/sbin:/usr/local/sbin"
_PRIVILEGES = Path("/run/sshd")
_PERMITTED = ("refs/heads/main", "refs/heads/permitted-", "refs/replace/")
_READ = 32768
_SETTINGS = """\
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
ForceCommand /bin/sh {folder}/command
AcceptEnv GIT_PROTOCOL
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
StrictModes no
UsePAM no
"""
_COMMAND = """\
printf '%s\\n' "$SSH_ORIGINAL_COMMAND" >> {folder}/commands
exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"
"""
_HOOK = f"""\
#!/bin/sh
grep -q {HOOKED} && echo {HOOK_WORDS}
exit 0
"""


@define(kw_only=True)
class Repositories:
    """`own` is the attacked bottle's, `theirs` the neighbour's, one is nobody's. `heads`: their commits."""

    folder: Path
    user: str
    sshd: str
    heads: dict[str, str] = field(factory=dict)
    _conversations: dict[int, "_Conversation"] = field(factory=dict, init=False, repr=False)

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.git"

    def place(self, name: str, address: str) -> str:
        """As the gate is asked for it; `address` is that of the sshd, as a sidecar reaches it."""
        return f"{self.user}@{address}{self.path(name)}"

    def manifest(self, name: str, address: str) -> str:
        """A bottle's section on the git gate, which declares one of them."""
        url = f"ssh://{self.place(name, address)}"
        key = " ".join((self.folder / "host.pub").read_text().split()[:2])
        declared = f"{{url: '{url}', identity: '{self.folder}/client', host_key: '{key}'}}"
        return f"git-gate:\n  repos:\n    {name}: {declared}\n"

    def make(self) -> None:
        for name in ("host", "client"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(self.folder / name))
        for name, text in (("sshd_config", _SETTINGS), ("command", _COMMAND)):
            (self.folder / name).write_text(text.format(folder=self.folder))
        (self.folder / "commands").touch()
        for name in (OWN, THEIRS, UNDECLARED):
            self._make(name)

    def _make(self, name: str) -> None:
        path = str(self.path(name))
        _run("git", "init", "--quiet", "--bare", "--template=", path)
        tree = _run("git", "-C", path, "mktree")
        self.heads[name] = _run("git", "-C", path, "commit-tree", tree, "-m", name)
        _run("git", "-C", path, "update-ref", "refs/heads/main", self.heads[name])
        _run("git", "-C", path, "symbolic-ref", "HEAD", "refs/heads/main")
        _run("git", "-C", path, "config", "core.hooksPath", f"{path}/hooks")
        hooks = self.path(name) / "hooks"
        hooks.mkdir(exist_ok=True)
        (hooks / "pre-receive").write_text(_HOOK)
        (hooks / "pre-receive").chmod(0o755)

    def try_out(self) -> None:
        """Logs in once. Raises BottleError where that does not work here."""
        known = self.folder / "known_hosts"
        known.write_text(f"selftest {(self.folder / 'host.pub').read_text()}")
        options = {
            "BatchMode": "yes",
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "ProxyCommand": " ".join(self._server.argv),
            "UserKnownHostsFile": str(known),
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        _run("ssh", "-F", "/dev/null", "-i", f"{self.folder}/client", *words, f"{self.user}@selftest", "true")
        (self.folder / "commands").write_text("")

    @property
    def _server(self) -> Command:
        return Command(argv=(self.sshd, "-i", "-f", f"{self.folder}/sshd_config"), cwd="/", timeout=None)

    def take(self, number: int, data: bytes, send: Callable[[int, bytes], None]) -> None:
        """What came on a connection."""
        if number not in self._conversations:
            if not data:
                return
            self._conversations[number] = _Conversation.begun(
                self._server, lambda answer: send(number, answer)
            )
        self._conversations[number].take(data)

    def close(self) -> None:
        for conversation in self._conversations.values():
            conversation.end()

    def take_forbidden(self) -> Sequence[str]:
        """What was asked of the sshd, or became of the repositories, since the last time, and must not.

        It is undone, so that a second try shows it again.
        """
        known = {
            f"{service} '{self.path(name)}'"
            for service in ("git-upload-pack", "git-receive-pack")
            for name in (OWN, THEIRS)
        }
        log = self.folder / "commands"
        asked = [command for command in log.read_text(errors="replace").splitlines() if command not in known]
        log.write_text("")
        found = [f"the sshd was asked for {command}" for command in asked]
        for name in (OWN, THEIRS, UNDECLARED):
            for ref in self._refs(name):
                if not ref.startswith(_PERMITTED):
                    found.append(f"{ref} is in {name}")
                    _run("git", "-C", str(self.path(name)), "update-ref", "-d", ref)
        return found

    def _refs(self, name: str) -> Sequence[str]:
        return _run("git", "-C", str(self.path(name)), "for-each-ref", "--format=%(refname)").splitlines()


@frozen(kw_only=True)
class _Conversation:
    """One connection, and the sshd that answers it."""

    process: proc.Process
    ours: socket.socket
    thread: threading.Thread

    @classmethod
    def begun(cls, command: Command, send: Callable[[bytes], None]) -> "_Conversation":
        ours, theirs = socket.socketpair()
        with theirs:
            end = theirs.fileno()
            process = proc.spawn(command, stdin=end, stdout=end, stderr=proc.DEVNULL, new_session=True)
        thread = threading.Thread(target=_answer, args=(ours, process, send), name="selftest-sshd")
        thread.start()
        return cls(process=process, ours=ours, thread=thread)

    def take(self, data: bytes) -> None:
        with suppress(OSError):
            if data:
                self.ours.sendall(data)
            else:
                self.ours.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        with suppress(OSError):
            self.ours.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.ours.close()


def _answer(ours: socket.socket, process: proc.Process, send: Callable[[bytes], None]) -> None:
    with suppress(OSError):
        while data := ours.recv(_READ):
            send(data)
    send(b"")
    proc.end(process)


@contextmanager
def prepared_repositories(folder: Path) -> Iterator[Repositories | Untestable]:
    """In `folder`, the selftest's own; or why this machine cannot have them."""
    path = os.environ.get("PATH", os.defpath) + _PLACES
    missing = [name for name in _PROGRAMS if not which(name, path=path)]
    if missing:
        yield Untestable(f"a git server of the suite's own needs {', '.join(missing)} on this machine")
        return
    made = folder / "git"
    made.mkdir()
    sshd = which("sshd", path=path) or ""
    repositories = Repositories(folder=made, user=pwd.getpwuid(os.getuid()).pw_name, sshd=sshd)
    with _privileges():
        try:
            repositories.make()
            repositories.try_out()
        except BottleError as error:
            yield Untestable(
                f"a git server of the suite's own does not work on this machine: {error.message}"
            )
            return
        yield repositories


@contextmanager
def _privileges() -> Iterator[None]:
    """The empty folder that root's sshd insists on."""
    if os.geteuid() != 0 or _PRIVILEGES.is_dir():
        yield
        return
    _PRIVILEGES.mkdir(mode=0o755)
    try:
        yield
    finally:
        with suppress(OSError):
            _PRIVILEGES.rmdir()


def _run(*words: str) -> str:
    """Without anybody's settings. Raises BottleError."""
    return run(Command(argv=words, env=_environment(), cwd="/"), stdin=b"").text


def _environment() -> Mapping[str, str]:
    who = {f"GIT_{role}_{part}": "selftest" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    return {
        "PATH": os.environ.get("PATH", os.defpath) + _PLACES,
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        **who,
    }
