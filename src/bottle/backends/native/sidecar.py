"""How a bottle's sidecar is started on the host.

An ordinary operator's sidecar is an ordinary process of theirs. A root operator's becomes a user that owns
nothing, which could not even read what lies in root's home: so it runs in a view of the file system that
shows it just the programs, its own environment and its own folder.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from bottle.backends.native.accounts import Account
from bottle.backends.native.rootfs import HostLayout
from bottle.backends.native.venv import SidecarVenv
from bottle.proc import Command

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
# Names resolve as they do on the host, and its own CAs are known. Neither needs to be secret.
_NAME_SERVICES = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/nscd")


def command(venv: SidecarVenv, own: Path, account: Account | None, module: str, *arguments: str) -> Command:
    program = venv.run(module, *arguments)
    if account is None:
        return Command(argv=program, env=_ENVIRONMENT, cwd="/", timeout=None)
    argv = (*_view(venv, own), "--", *_drop(account), *program)
    return Command(argv=argv, env=_ENVIRONMENT, cwd="/", timeout=None)


def _view(venv: SidecarVenv, own: Path) -> Iterable[str]:
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
    yield from _passable(own)
    yield from ("--bind", str(own), str(own), "--remount-ro", "/", "--chdir", "/")


def _passable(folder: Path) -> Iterable[str]:
    """The way to a folder, which bwrap would make for its own user alone."""
    for parent in reversed(folder.parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(parent))


def _drop(account: Account) -> Iterable[str]:
    user = str(account.sidecar)
    yield from ("/usr/bin/setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
    yield from ("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
