"""Every file and folder that the program owns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from attrs import Factory, field, frozen

from bottle.errors import EnvironmentLacksError


@frozen(kw_only=True)
class Paths:
    """Built once from the environment at the program's border, then passed down.

    `home`: state, and manifests unless `manifests` says otherwise. `cache`: what can be built again.
    `runtime`: short-lived sockets, 0700; kept short because a unix socket's path holds 107 bytes.
    """

    user_home: Path
    home: Path
    cache: Path
    runtime: Path
    cwd: Path
    manifests: Path = field(default=Factory(lambda paths: paths.home, takes_self=True))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, uid: int, cwd: Path) -> Self:
        """Raises EnvironmentLacksError for a user without a home. XDG variables count only where absolute."""
        user_home = _user_home(environ, cwd)
        home = environ.get("BOT_BOTTLE_HOME")
        cache = _absolute(environ.get("XDG_CACHE_HOME"))
        runtime = _absolute(environ.get("XDG_RUNTIME_DIR"))
        return cls(
            user_home=user_home,
            home=cwd / home if home else user_home / ".bot-bottle",
            cache=(cache or user_home / ".cache") / "bot-bottle",
            runtime=runtime / "bot-bottle" if runtime else Path(f"/tmp/bot-bottle-{uid}"),  # noqa: S108
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
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def applying(self) -> Path:
        """What `bottle apply` is doing, for the next command where it is cut off."""
        return self.home / "applying"

    @property
    def skills(self) -> Path:
        return self.user_home / ".claude" / "skills"

    def attach_socket(self, identity: str) -> Path:
        """Where `bottle attach` finds the session of a live interactive bottle."""
        return self.runtime / identity / "attach.sock"

    def presence(self, identity: str) -> Path:
        """Where that session notes who is at it."""
        return self.runtime / identity / "presence"


def _user_home(environ: Mapping[str, str], cwd: Path) -> Path:
    try:
        return cwd / Path(environ.get("HOME") or "~").expanduser()
    except RuntimeError:
        raise EnvironmentLacksError("this user has no home folder", hint="export HOME=/path/of/one") from None


def _absolute(value: str | None) -> Path | None:
    """As the XDG base directory specification asks: a relative path is ignored."""
    return Path(value) if value and Path(value).is_absolute() else None
