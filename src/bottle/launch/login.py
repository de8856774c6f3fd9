"""The operator's own login, lent to a bottle: read at its launch, and watched for as long as it lives."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self

from attrs import frozen

from bottle.launch.watch import Watch
from bottle.providers.base import Provider
from bottle.providers.login import HostLogin, LoginError
from bottle_sidecar.control.protocol import Remark, Renew

_LARGEST = 1024 * 1024  # bytes of a login file
_INTERVAL = 2.0
"""Seconds between looks at the file; what it holds counts once it was left alone for as long."""
SOON = 24 * 3600.0
"""Seconds before a login's end from which on a launch warns of it."""

Stamp = tuple[int, int, int]


@frozen(kw_only=True)
class LoginFile:
    """Where a login lies on this machine, and the provider that can read it."""

    path: Path
    provider: Provider

    def read(self, *, now: float) -> HostLogin:
        """Raises LoginError for what is not there, cannot be read, or cannot be lent."""
        try:
            with self.path.open("rb") as file:
                content = file.read(_LARGEST + 1)
        except FileNotFoundError:
            raise LoginError("there is none") from None
        except OSError as error:
            raise LoginError(f"it cannot be read: {error.strerror}") from error
        if len(content) > _LARGEST:
            raise LoginError("it is too large")
        return self.provider.login(content, now=now)

    def stamp(self) -> Stamp | None:
        """Another one whenever the file may be another one."""
        with suppress(OSError):
            status = self.path.stat()
            return status.st_mtime_ns, status.st_ino, status.st_size
        return None


@frozen(kw_only=True)
class Lent:
    """A login, and where a newer one of the same account will be. `stamp`: the file's before it was read."""

    login: HostLogin
    file: LoginFile
    stamp: Stamp | None

    @classmethod
    def of(cls, file: LoginFile, *, now: float) -> Self:
        """Raises LoginError."""
        stamp = file.stamp()
        return cls(login=file.read(now=now), file=file, stamp=stamp)

    def ends_soon(self, *, now: float) -> str | None:
        """A warning where the login ends within a day."""
        left = self.login.expires - now
        if left > SOON:
            return None
        command = self.file.provider.login_command
        hint = f"a new one ({command}) is taken over while the bottle runs"
        return f"the login in {self.file.path} ends in {_duration(left)}; {hint}"


class Listener(Protocol):
    """The sidecar, as far as a watch talks to it."""

    def tell(self, message: Renew | Remark) -> None: ...


class LoginWatch(Watch):
    """Hands a login that was renewed on the host to the sidecar, and says when one has ended.

    `note` hears what the operator should know; the audit log has it, too.
    """

    def __init__(
        self,
        lent: Lent,
        sidecar: Listener,
        note: Callable[[str], None],
        *,
        interval: float = _INTERVAL,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__("login-watch", interval)
        self._lent = lent
        self._login = lent.login
        self._sidecar = sidecar
        self._note = note
        self._clock = clock
        self._seen = self._taken = lent.stamp
        self._over = False

    def look(self) -> None:
        """One look at the file and at the clock."""
        stamp = self._lent.file.stamp()
        settled, self._seen = stamp == self._seen, stamp
        if settled and stamp != self._taken:
            self._taken = stamp
            self._take()
        if not self._over and self._login.expires <= self._clock():
            self._over = True
            command = self._lent.file.provider.login_command
            self._say(f"the login has expired; run {command} on the host, and it goes on")

    def _take(self) -> None:
        try:
            found = self._lent.file.read(now=self._clock())
        except LoginError as error:
            self._say(
                f"the login on the host is of no use any more: {error}; the bottle keeps the one it has"
            )
            return
        if found.account != self._login.account:
            self._say("the login on the host is another account's now; the bottle keeps the one it has")
        elif found.token.reveal() != self._login.token.reveal():
            self._login, self._over = found, False
            self._sidecar.tell(Renew(tokens={found.token_ref: found.token.reveal()}))

    def _say(self, text: str) -> None:
        self._sidecar.tell(Remark(reason=text))
        self._note(text)


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
