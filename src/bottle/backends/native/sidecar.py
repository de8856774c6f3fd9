"""How a bottle's sidecar is started on the host.

An ordinary operator's sidecar is an ordinary process of theirs. A root operator's becomes a user that owns
nothing, which could not even read what lies in root's home: so it runs in a view of the file system that
shows it just the programs, its own environment and its own folder.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import frozen

from bottle.backends.native.accounts import MIRRORS_GROUP, Account
from bottle.backends.native.rootfs import HostLayout
from bottle.backends.native.venv import SidecarVenv
from bottle.proc import Command

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
_PASSWD = Path("/etc/passwd")
# Names resolve as they do on the host, and its own CAs are known. Neither needs to be secret.
_NAME_SERVICES = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/nscd")


@frozen(kw_only=True)
class Lodging:
    """Who runs it and where: `own` is its folder; `shared`: further ones that it may write to.

    `account` None: an ordinary operator's.
    """

    venv: SidecarVenv
    own: Path
    account: Account | None
    shared: Sequence[Path] = ()

    def command(self, module: str, *arguments: str) -> Command:
        program = self.venv.run(module, *arguments)
        if self.account is not None:
            self._name(self.account)
            program = (*self._view(), "--", *_drop(self.account), *program)
        return Command(argv=program, env=_ENVIRONMENT, cwd="/", timeout=None)

    def _name(self, account: Account) -> None:
        """Ssh works for no user without a name."""
        line = f"sidecar:x:{account.sidecar}:{account.sidecar}::/:/usr/sbin/nologin\n"
        _passwd(self.own).write_text(_PASSWD.read_text() + line)
        _passwd(self.own).chmod(0o644)

    def _view(self) -> Iterable[str]:
        yield from _base(self.venv)
        yield from ("--ro-bind", str(_passwd(self.own)), str(_PASSWD))
        for folder in (self.own, *self.shared):
            yield from _passable(folder)
            yield from ("--bind", str(folder), str(folder))
        yield from ("--remount-ro", "/", "--chdir", "/")


def _passwd(own: Path) -> Path:
    return own / "passwd"


def _base(venv: SidecarVenv) -> Iterable[str]:
    yield from (str(venv.bwrap()), "--die-with-parent", "--unshare-ipc", "--unshare-pid", "--unshare-uts")
    yield from ("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
    yield from ("--cap-add", "CAP_SETPCAP")
    host = HostLayout.detect()
    for folder in host.folders:
        yield from ("--ro-bind", folder, folder)
    for name, target in host.links:
        yield from ("--symlink", target, f"/{name}")
    yield from ("--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp")  # noqa: S108
    for folder in _NAME_SERVICES:
        yield from ("--ro-bind-try", folder, folder)
    for needed in dict.fromkeys((Path(sys.base_prefix), *venv.folders)):
        if not needed.is_relative_to("/usr"):
            yield from _passable(needed)
            yield from ("--ro-bind", str(needed), str(needed))


def _passable(folder: Path) -> Iterable[str]:
    """The way to a folder, which bwrap would make for its own user alone."""
    for parent in reversed(folder.parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(parent))


def _drop(account: Account) -> Iterable[str]:
    user = str(account.sidecar)
    yield from ("/usr/bin/setpriv", f"--reuid={user}", f"--regid={user}", f"--groups={MIRRORS_GROUP}")
    yield from ("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
