"""bottle.pyz as a user meets it: one file, any Python, any home."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from attrs import frozen

from artifact.conftest import Built
from bottle.proc import PIPE, Command, Completed, run, spawn

VERSIONS = ("3.11", "3.12", "3.13")
OTHER = 54321
RUN_SECONDS = 300
FALLBACK = Path(f"/tmp/bot-bottle-{OTHER}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def python() -> str:
    return _interpreter("3.11") or pytest.fail("no Python 3.11 found")


@pytest.mark.parametrize("version", VERSIONS)
def test_runs_on_every_python(built: Built, home: Path, version: str) -> None:
    interpreter = _interpreter(version)
    if interpreter is None:
        pytest.skip(f"Python {version} is not installed here")

    first, second = _start(interpreter, built.archive, home), _start(interpreter, built.archive, home)

    assert (first.code, first.stderr) == (0, b"")
    assert first == second
    assert first.text.startswith("bottle")


def test_writes_to_the_cache_alone(built: Built, home: Path, python: str) -> None:
    assert _start(python, built.archive, home).code == 0

    assert [path.name for path in home.iterdir()] == [".cache"]
    assert [path.name for path in (home / ".cache").iterdir()] == ["bot-bottle"]


def test_unpacks_where_the_cache_is(built: Built, home: Path, tmp_path: Path, python: str) -> None:
    done = _start(python, built.archive, home, XDG_CACHE_HOME=str(tmp_path / "elsewhere"))

    assert done.code == 0
    assert list(home.iterdir()) == []
    assert (tmp_path / "elsewhere" / "bot-bottle" / "program").is_dir()


def test_first_starts_at_once_all_succeed(built: Built, home: Path, python: str) -> None:
    command = _command(python, built.archive, home)
    started = [spawn(command, stdout=PIPE, stderr=PIPE) for _ in range(4)]
    outcomes = [(*process.communicate(timeout=60), process.returncode) for process in started]

    assert {code for _, _, code in outcomes} == {0}
    assert len(set(outcomes)) == 1


def test_a_copy_that_was_cut_off_is_not_used(built: Built, home: Path, python: str) -> None:
    assert _start(python, built.archive, home).code == 0
    program = home / ".cache" / "bot-bottle" / "program"
    whole = next(path for path in program.iterdir() if path.is_dir())
    cut_off = whole.rename(whole.with_name(whole.name + ".tmp"))
    (cut_off / "site-packages" / "bottle" / "__main__.py").write_text("def main(")

    assert _start(python, built.archive, home).code == 0
    assert whole.is_dir()
    assert not cut_off.exists()


@frozen(kw_only=True)
class AnotherUser:
    """Someone with nothing but the archive, alone in an empty folder; `home` is a folder of theirs."""

    archive: Path
    home: Path

    def start(self, home: Path, *arguments: str) -> Completed:
        argv = (
            *("setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups"),
            *("python3", str(self.archive), *(arguments or ("--version",))),
        )
        env = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
        return run(Command(argv=argv, env=env, cwd="/", timeout=RUN_SECONDS), check=False)


@pytest.fixture
def another_user(built: Built) -> Iterator[AnotherUser]:
    if os.geteuid() != 0:
        pytest.skip("only root can run a program as another user")
    assert not FALLBACK.exists()
    with TemporaryDirectory(prefix="artifact-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "home").mkdir()
        os.chown(folder / "home", OTHER, OTHER)
        shutil.copy(built.archive, folder / "bottle.pyz")
        yield AnotherUser(archive=folder / "bottle.pyz", home=folder / "home")
    shutil.rmtree(FALLBACK, ignore_errors=True)


def test_another_user_with_a_home(another_user: AnotherUser) -> None:
    done = another_user.start(another_user.home)

    assert (done.code, done.stderr) == (0, b"")
    assert not FALLBACK.exists()


@pytest.mark.timeout(RUN_SECONDS)
def test_another_user_runs_a_bottle(another_user: AnotherUser) -> None:
    """The one file is enough: it brings the sidecar and the sandbox along."""
    home = another_user.home
    assert another_user.start(home, "init", "--provider", "shell").code == 0
    task = "id -un; curl -sS -o /dev/null -w '%{http_code}' https://example.com/"

    done = another_user.start(home, "run", "--backend", "native", "shell", task)

    assert (done.code, done.text) == (0, "agent\n403"), done.stderr.decode()
    assert another_user.start(home, "cleanup", "--yes").text == ""


def test_another_user_without_a_home(another_user: AnotherUser) -> None:
    """Falls back to a folder that is this user's own."""
    done = another_user.start(Path("/nonexistent"))

    assert (done.code, done.stderr) == (0, b"")
    assert stat.S_IMODE(FALLBACK.stat().st_mode) == 0o700
    assert FALLBACK.stat().st_uid == OTHER


def test_a_fallback_that_someone_else_made_is_refused(another_user: AnotherUser) -> None:
    FALLBACK.mkdir(mode=0o755)

    done = another_user.start(Path("/nonexistent"))

    assert done.code == 4
    assert b"XDG_CACHE_HOME" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_copy_that_others_can_change_is_not_used(another_user: AnotherUser, mode: int) -> None:
    assert another_user.start(another_user.home).code == 0
    program = another_user.home / ".cache" / "bot-bottle" / "program"
    for source in program.rglob("bottle/__main__.py"):
        source.write_text("def main():\n    print('planted')\n")

    assert b"planted" in another_user.start(another_user.home).stdout
    program.chmod(mode)
    done = another_user.start(another_user.home)

    assert b"planted" not in done.stdout
    assert done.code == 0


def _interpreter(version: str) -> str | None:
    """A system's own, or one that a version manager keeps in the home directory."""
    managed = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python{version}"))
    system = Path(f"/usr/bin/python{version}")
    found = [path for path in (system, *managed) if path.exists()]
    return str(found[0]) if found else None


def _command(interpreter: str, archive: Path, home: Path, **environ: str) -> Command:
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin", **environ}
    return Command(argv=(interpreter, str(archive), "--version"), env=env)


def _start(interpreter: str, archive: Path, home: Path, **environ: str) -> Completed:
    return run(_command(interpreter, archive, home, **environ), check=False)
