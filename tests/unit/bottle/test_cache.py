import os
import sys
from pathlib import Path

import pytest

from bottle.cache import BuildCache
from bottle.proc import PIPE, Command, end, spawn
from support.fakes import RecordedProgress

HOLD = """\
import sys; from pathlib import Path; from bottle.cache import BuildCache; from bottle.progress import Silent
def build(folder):
    (folder / "half").write_text("")
    print(folder, flush=True)
    sys.stdin.read()
BuildCache(Path(sys.argv[1])).folder(sys.argv[2], "key", build, Silent())
"""


def fill(folder: Path) -> None:
    (folder / "made").write_text("by " + str(os.getpid()))


def no_build(folder: Path) -> None:
    raise AssertionError(f"{folder} is built again")


def test_a_folder_is_built_once(tmp_path: Path) -> None:
    cache, progress = BuildCache(tmp_path / "cache"), RecordedProgress()
    first = cache.folder("venv", "k1", fill, progress)

    assert first == tmp_path / "cache" / "venv-k1"
    assert (first / "made").exists()
    assert first.stat().st_mode & 0o777 == 0o755
    assert cache.folder("venv", "k1", no_build, progress) == first
    assert cache.folder("venv", "k2", fill, progress) == tmp_path / "cache" / "venv-k2"
    assert progress.notes == []


def test_a_failed_build_leaves_nothing_and_is_tried_again(tmp_path: Path) -> None:
    cache, progress = BuildCache(tmp_path), RecordedProgress()

    def broken(folder: Path) -> None:
        (folder / "half").write_text("")
        raise RuntimeError("no network")

    with pytest.raises(RuntimeError):
        cache.folder("venv", "k", broken, progress)

    assert [path.name for path in tmp_path.iterdir()] == [".venv.lock"]
    assert (cache.folder("venv", "k", fill, progress) / "made").exists()


def test_a_build_that_was_killed_is_swept_away_and_never_used(tmp_path: Path) -> None:
    holder = spawn(Command(argv=(sys.executable, "-c", HOLD, str(tmp_path), "venv")), stdin=PIPE, stdout=PIPE)
    assert holder.stdout
    half = Path(holder.stdout.readline().decode().strip())
    holder.kill()
    end(holder)
    assert half.is_dir()
    built = BuildCache(tmp_path).folder("venv", "key", fill, RecordedProgress())

    assert not half.exists()
    assert not (built / "half").exists()


def test_another_name_s_build_in_progress_is_left_alone(tmp_path: Path) -> None:
    holder = spawn(
        Command(argv=(sys.executable, "-c", HOLD, str(tmp_path), "agent-cli")), stdin=PIPE, stdout=PIPE
    )
    assert holder.stdout
    half = Path(holder.stdout.readline().decode().strip())
    BuildCache(tmp_path).folder("agent", "key", fill, RecordedProgress())
    survived = half.is_dir()
    end(holder)

    assert survived
    assert (tmp_path / "agent-cli-key" / "half").exists()


def test_two_at_once_build_once_and_the_second_says_that_it_waits(tmp_path: Path) -> None:
    holder = spawn(Command(argv=(sys.executable, "-c", HOLD, str(tmp_path), "venv")), stdin=PIPE, stdout=PIPE)
    assert holder.stdout
    holder.stdout.readline()

    class LetsGo(RecordedProgress):
        def note(self, text: str) -> None:
            super().note(text)
            assert holder.stdin
            holder.stdin.close()

    progress = LetsGo()
    found = BuildCache(tmp_path).folder("venv", "key", no_build, progress)
    end(holder)

    assert (found / "half").exists()
    assert progress.notes == ["waiting for another bottle that is building venv"]
