import os
import threading
from pathlib import Path

import pytest

from bottle_sidecar import disk
from bottle_sidecar.disk import SMALLEST, Meter, TooDeepError, watch

PLENTY = 1 << 40
MIB = 1 << 20


def used(*folders: Path, limit: int = PLENTY) -> int:
    return Meter([str(folder) for folder in folders], limit=limit).used()


def write(path: Path, size: int) -> Path:
    path.write_bytes(os.urandom(size))
    return path


def test_the_files_of_all_folders_and_of_folders_in_them_count(tmp_path: Path) -> None:
    for folder in ("a", "b/c/d"):
        (tmp_path / folder).mkdir(parents=True)
        write(tmp_path / folder / "file", MIB)

    assert 2 * MIB <= used(tmp_path / "a", tmp_path / "b") <= 2 * MIB + 10 * SMALLEST


def test_what_takes_an_inode_alone_counts(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"empty-{number}").touch()
        (tmp_path / f"link-{number}").symlink_to("nowhere")
        os.mkfifo(tmp_path / f"pipe-{number}")

    assert used(tmp_path) == 300 * SMALLEST


def test_a_file_of_many_names_counts_once(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first = write(tmp_path / "first", MIB)
    for number in range(50):
        os.link(first, tmp_path / ("other" if number % 2 else ".") / f"name-{number}")

    assert abs(used(tmp_path) - MIB - SMALLEST) <= 1


def test_a_hole_counts_nothing(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)

    assert used(tmp_path) == SMALLEST


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    write(tmp_path / "out" / "file", MIB)
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "file").symlink_to(tmp_path / "out" / "file")

    assert used(tmp_path / "in") == 3 * SMALLEST


def test_counting_ends_past_the_limit(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / str(number)).touch()

    assert used(tmp_path, limit=10 * SMALLEST) == 11 * SMALLEST


def descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def test_no_descriptor_is_left_open_and_depth_has_an_end(tmp_path: Path) -> None:
    before = descriptors()
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(disk.DEEPEST + 5):
        os.mkdir("d", dir_fd=folder)
        below = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    used(tmp_path, limit=3 * SMALLEST)
    with pytest.raises(TooDeepError):
        used(tmp_path)

    assert descriptors() == before


def test_a_tree_that_changes_all_the_time_is_walked_to_its_end(tmp_path: Path) -> None:
    """Folders move into each other, become files and links, and go; the walk neither fails nor leaves."""
    outside, inside, stop = tmp_path / "outside", tmp_path / "inside", threading.Event()
    outside.mkdir()
    write(outside / "file", 4 * MIB)

    def churn() -> None:
        for name in ("a", "b", "c"):
            (inside / name / "x").mkdir(parents=True, exist_ok=True)
        while not stop.is_set():
            (inside / "a").rename(inside / "b" / "x" / "a")
            (inside / "a").symlink_to(outside)
            (inside / "a").unlink()
            (inside / "a").touch()
            (inside / "a").unlink()
            (inside / "b" / "x" / "a").rename(inside / "a")

    thread = threading.Thread(target=churn)
    inside.mkdir()
    thread.start()
    try:
        found = [used(inside) for _ in range(300)]
    finally:
        stop.set()
        thread.join()

    assert max(found) < MIB


def test_what_others_tell_counts(tmp_path: Path) -> None:
    assert Meter([str(tmp_path)], limit=PLENTY, others=lambda: [MIB, 2 * MIB]).used() == 3 * MIB


def test_a_memory_file_system_counts_with_all_it_holds() -> None:
    with Path("/dev/shm").joinpath(f"bottle-test-{os.getpid()}").open("wb") as file:
        Path(file.name).unlink()
        file.write(bytes(3 * MIB))
        file.flush()
        found = Meter([], limit=PLENTY, memory=["/dev/shm"]).used()

    assert found >= 3 * MIB


def test_it_looks_again_until_the_limit_is_passed(tmp_path: Path) -> None:
    pauses = []

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        if len(pauses) == 30:
            write(tmp_path / "file", 2 * MIB)
        return True

    meter = Meter([str(tmp_path)], limit=MIB)
    assert MIB < (watch(meter, MIB, pause) or 0) <= 2 * MIB + SMALLEST
    assert len(pauses) >= 30
    assert max(pauses) <= 0.1


def test_it_ends_where_the_pause_says_so(tmp_path: Path) -> None:
    assert watch(Meter([str(tmp_path)], limit=MIB), MIB, lambda seconds: False) is None


class Filling(Meter):
    """A disk that gets smaller at each look."""

    def __init__(self, each: int) -> None:
        super().__init__([], limit=PLENTY)
        self.walks = 0
        self._free, self._each = 1 << 40, each

    def used(self) -> int:
        self.walks += 1
        return 0

    def free(self) -> int:
        self._free -= self._each
        return self._free


@pytest.mark.parametrize(("each", "walks"), [(MIB, 21), (0, 1)])
def test_a_disk_that_fills_quickly_is_walked_sooner(each: int, walks: int) -> None:
    """Without waiting: `pause` returns at once, so no walk is due by the clock."""
    meter, looks = Filling(each), iter(range(60))

    assert watch(meter, 4 * MIB, lambda seconds: next(looks, None) is not None) is None
    assert meter.walks == walks
