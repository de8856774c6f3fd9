"""Every file and folder that the program owns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from attrs import Factory, field, frozen


@frozen(kw_only=True)
class Paths:
    """Built once from the environment at the program's border, then passed down.

    `home`: state, and manifests unless `manifests` says otherwise. `cache`: what can be built again. `runtime`: short-lived sockets,
    0700; kept short because a unix socket's path holds 107 bytes.
    """

    user_home: Path
    home: Path
    cache: Path
    runtime: Path
    cwd: Path
    manifests: Path = field(default=Factory(lambda paths: paths.home, takes_self=True))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, uid: int, cwd: Path) -> Self:
        user_home = Path(environ.get("HOME") or "~").expanduser()
        home = environ.get("BOT_BOTTLE_HOME")
        cache = environ.get("XDG_CACHE_HOME")
        runtime = environ.get("XDG_RUNTIME_DIR")
        return cls(
            user_home=user_home,
            home=Path(home).absolute() if home else user_home / ".bot-bottle",
            cache=(Path(cache) if cache else user_home / ".cache") / "bot-bottle",
            runtime=Path(runtime) / "bot-bottle" if runtime else Path(f"/tmp/bot-bottle-{uid}"),  # noqa: S108
            cwd=cwd,
        )

    @property
    def bottles(self) -> Path:
        return self.manifests / "bottles"

    @property
    def agents(self) -> Path:
        return self.manifests / "agents"

    @property
    def cwd_agents(self) -> Path:
        return self.cwd / ".bot-bottle" / "agents"

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def skills(self) -> Path:
        return self.user_home / ".claude" / "skills"

    def attach_socket(self, identity: str) -> Path:
        """Where `bottle attach` finds the session of a live interactive bottle."""
        return self.runtime / identity / "attach.sock"
