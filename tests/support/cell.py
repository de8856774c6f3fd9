"""A bare sandbox for one agent CLI: what a provider makes must be enough in it.

Like a bottle it has a home, a workspace, a trust store, the CLI on PATH, and no network but a
listener on 127.0.0.1:3128 whose accepting end is handed out through a unix socket.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from attrs import frozen

import bottle_sidecar
from bottle.plan import AGENT_HOME, AGENT_UID, AGENT_USER, PROXY_HOST, PROXY_PORT, TRUST_STORE, WORKSPACE
from bottle.proc import Command
from bottle.providers.base import AgentSetup

_SOURCES = Path(bottle_sidecar.__file__).parents[1]
_ENTRY = f"""
import json, os, socket, sys
sys.path.insert(0, {str(_SOURCES)!r})
from bottle_sidecar.control.handover import send_listener
with socket.create_server(("{PROXY_HOST}", {PROXY_PORT})) as listener:
    send_listener("/run/cell/handover", listener)
with open("/run/cell/request.json") as file:
    request = json.load(file)
os.execvpe(request["argv"][0], request["argv"], request["env"])
"""
# Debian's own /etc/profile, which resets PATH
_PROFILE = 'PATH="/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"\nexport PATH\n'


@frozen(kw_only=True)
class InstalledProgram:
    """An unpacked npm package and what of it goes on PATH (path inside it -> name)."""

    package: Path
    executables: Mapping[str, str]


@frozen(kw_only=True)
class Cell:
    """`folder` holds all of it on the host; `run` (short, private) the way out. `bubblewrap` isolates."""

    folder: Path
    run: Path
    bubblewrap: Path
    program: InstalledProgram | None

    @property
    def handover(self) -> Path:
        """Where a sidecar has to wait for the cell's listener."""
        return self.run / "handover"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def furnish(self, setup: AgentSetup) -> None:
        """Makes the folders and writes what the provider seeds, and nothing else."""
        for name in ("home", "workspace", "etc/ssl/certs", "bin"):
            (self.folder / name).mkdir(parents=True)
        etc = self.folder / "etc"
        (etc / "passwd").write_text(f"{AGENT_USER}:x:{AGENT_UID}:{AGENT_UID}::{AGENT_HOME}:/bin/bash\n")
        (etc / "profile").write_text(_PROFILE)
        for path, name in (self.program.executables if self.program else {}).items():
            (self.folder / "bin" / name).symlink_to(f"/opt/agent/package/{path}")
        for file in setup.files:
            target = self._inside_home(file.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
            target.chmod(file.mode)
        for tree in setup.trees:
            shutil.copytree(tree.source, self._inside_home(tree.target))

    def command(self, setup: AgentSetup, *, trust_store: str, timeout: float | None = 90.0) -> Command:
        """The agent, as a command on the host; its environment is the provider's alone."""
        (self.folder / str(TRUST_STORE.relative_to("/"))).write_text(trust_store)
        request = {"argv": setup.argv, "env": dict(setup.env)}
        (self.run / "request.json").write_text(json.dumps(request))
        return Command(
            argv=(str(self.bubblewrap), *self._walls(), "--", sys.executable, "-c", _ENTRY), timeout=timeout
        )

    def _walls(self) -> tuple[str, ...]:
        package = ("--ro-bind", str(self.program.package), "/opt/agent/package") if self.program else ()
        readable = (sys.base_prefix, sys.prefix, str(_SOURCES))
        return (
            "--unshare-all", "--die-with-parent", "--clearenv",
            "--uid", str(AGENT_UID), "--gid", str(AGENT_UID),
            "--ro-bind", "/usr", "/usr",
            "--symlink", "usr/bin", "/bin",
            "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
            "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
            *(word for path in readable for word in ("--ro-bind", path, path)),
            "--ro-bind", str(self.folder / "etc"), "/etc",
            *package, "--ro-bind", str(self.folder / "bin"), "/opt/agent/bin",
            "--bind", str(self.home), str(AGENT_HOME), "--bind", str(self.workspace), str(WORKSPACE),
            "--ro-bind", str(self.run), "/run/cell",
            "--chdir", str(WORKSPACE),
        )  # fmt: skip

    def _inside_home(self, path: PurePosixPath) -> Path:
        return self.home / path.relative_to(AGENT_HOME)
