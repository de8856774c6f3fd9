import threading
from pathlib import Path

import pytest
from attrs import define, evolve, field

from bottle.launch.login import Lent, LoginFile, LoginWatch
from bottle.providers.codex import CodexProvider
from bottle.providers.login import LoginError
from bottle.providers.shell import ShellProvider
from bottle_sidecar.control.protocol import Remark, Renew
from support import logins

NOW = 1_800_000_000.0
FIRST = logins.access_token(expires=NOW + 10)
SECOND = logins.access_token(expires=NOW + 900 * logins.HOUR)
COMMAND = "codex login --device-auth"


@define
class Scene:
    """A login file, a clock, and what was told to the sidecar and to the operator."""

    file: LoginFile
    now: float = NOW
    told: list[Renew | Remark] = field(factory=list)
    notes: list[str] = field(factory=list)
    heard: threading.Event = field(factory=threading.Event)

    def tell(self, message: Renew | Remark) -> None:
        self.told.append(message)
        self.heard.set()

    def lent(self) -> Lent:
        return Lent.of(self.file, now=self.now)

    def watch(self, interval: float = 60.0) -> LoginWatch:
        return LoginWatch(self.lent(), self, self.notes.append, interval=interval, clock=lambda: self.now)

    def write(self, access: str, **fields: str) -> None:
        logins.write(self.file.path, logins.auth_json(access, **fields))

    @property
    def remarks(self) -> list[str]:
        return [message.reason for message in self.told if isinstance(message, Remark)]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(LoginFile(path=tmp_path / "auth.json", provider=CodexProvider()))
    made.write(FIRST)
    return made


def look_twice(watch: LoginWatch) -> None:
    watch.look()
    watch.look()


def test_what_does_not_change_is_not_told(scene: Scene) -> None:
    look_twice(scene.watch())
    assert (scene.told, scene.notes) == ([], [])


def test_renewed_login_is_told_once_it_was_left_alone(scene: Scene) -> None:
    watch = scene.watch()
    scene.write(SECOND)

    watch.look()
    assert scene.told == []
    look_twice(watch)

    assert scene.told == [Renew(tokens={"chatgpt-login": SECOND})]
    assert scene.notes == []


def test_same_token_in_a_new_file_is_no_news(scene: Scene) -> None:
    watch = scene.watch()
    scene.write(FIRST, last_refresh="2026-11-28T00:00:00Z")
    look_twice(watch)

    assert scene.told == []


def test_another_account_is_not_taken(scene: Scene) -> None:
    watch = scene.watch()
    scene.write(SECOND, account="another-account")
    look_twice(watch)
    watch.look()

    assert scene.remarks == scene.notes
    assert len(scene.told) == 1
    assert "another account" in scene.remarks[0]


@pytest.mark.parametrize("content", [None, "", "{}", '{"auth_mode": "apikey"}'])
def test_login_that_is_gone_is_said_and_the_old_one_stays(scene: Scene, content: str | None) -> None:
    watch = scene.watch()
    scene.file.path.unlink()
    if content is not None:
        scene.file.path.write_text(content)
    look_twice(watch)
    watch.look()
    assert [text.partition(":")[0] for text in scene.notes] == ["the login on the host is of no use any more"]

    scene.write(SECOND)
    look_twice(watch)
    assert scene.told[-1] == Renew(tokens={"chatgpt-login": SECOND})


def test_end_is_said_once_and_again_for_the_next_login(scene: Scene) -> None:
    watch = scene.watch()
    scene.now += 10
    look_twice(watch)
    assert scene.notes == [f"the login has expired; run {COMMAND} on the host, and it goes on"]

    scene.write(SECOND)
    look_twice(watch)
    scene.now += 900 * logins.HOUR
    look_twice(watch)
    assert len(scene.notes) == 2
    assert scene.remarks == scene.notes


def test_thread_looks_by_itself_and_ends_with_the_block(scene: Scene) -> None:
    with scene.watch(interval=0.01):
        scene.write(SECOND)
        assert scene.heard.wait(30)

    assert scene.told == [Renew(tokens={"chatgpt-login": SECOND})]


@pytest.mark.parametrize(
    ("left", "shown"), [(59, "0 min"), (3700, "1 h 1 min"), (86400, "24 h 0 min"), (86401, None)]
)
def test_end_within_a_day_is_a_warning(scene: Scene, left: int, shown: str | None) -> None:
    lent = scene.lent()
    lent = evolve(lent, login=evolve(lent.login, expires=int(NOW) + left))
    warning = lent.ends_soon(now=NOW)

    assert (warning is None) == (shown is None)
    assert shown is None or (f"ends in {shown};" in str(warning) and COMMAND in str(warning))


def test_unreadable_file_is_told_in_words(tmp_path: Path) -> None:
    provider = CodexProvider()
    large = tmp_path / "large"
    large.write_bytes(b" " * (1024 * 1024 + 1))
    for path, reason in [
        (tmp_path / "none", "there is none"),
        (tmp_path, "cannot be read: Is a directory"),
        (large, "too large"),
    ]:
        with pytest.raises(LoginError, match=reason):
            LoginFile(path=path, provider=provider).read(now=NOW)


def test_provider_without_a_login_lends_none(scene: Scene) -> None:
    with pytest.raises(LoginError, match="'shell' has no login"):
        evolve(scene.file, provider=ShellProvider()).read(now=NOW)
