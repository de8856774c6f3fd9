import errno
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from bottle.workspace.directory import Directory
from support.applying import Countdown, NoHardLinks, Place, in_child
from support.trees import FOLDER, Tree, file, fingerprint, link

BASE = Tree.of(
    {
        "replaced": file("old"),
        "removed": file("old", 0o600),
        "link": link("replaced"),
        "becomes folder": file("old"),
        "becomes file/deep/gone": file("old"),
        "kept/untouched": file("old"),
        "emptied/gone": file("old"),
        "mode": file("old"),
    }
)
NEW = Tree.of(
    {
        "replaced": file("new" * 1000),
        "link": link("kept"),
        "becomes folder/new": file("new"),
        "becomes file": file("new"),
        "kept/untouched": file("old"),
        "kept/new": file("new"),
        "new/folder/file": file("new", 0o755),
        "new/empty": FOLDER,
        "mode": file("old", 0o755),
    }
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill(BASE)
    return place


KINDS = pytest.mark.parametrize("kind", [Directory, NoHardLinks])


def steps(place: Place, kind: type[Directory] = Directory) -> Iterator[int]:
    """The number of each thing that is written, with the directory as it was at the start."""
    counted = Countdown(0, lambda: None)
    place.apply(BASE, NEW, counted, kind)
    for at in range(1, len(counted.names) + 1):
        place.fill(BASE)
        yield at


def interrupted(place: Place, at: int, what: Callable[[], None], kind: type[Directory] = Directory) -> int:
    """The exit status of an apply to which `what` happens at its step `at`."""
    return in_child(partial(place.apply, BASE, NEW, Countdown(at, what), kind))


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@KINDS
def test_all_is_exchanged(place: Place, kind: type[Directory]) -> None:
    place.apply(BASE, NEW, kind=kind)

    assert Tree.read(place.root) == NEW
    assert place.is_tidy()


@KINDS
@pytest.mark.timeout(300)
def test_killed_anywhere_the_directory_is_wholly_old_or_wholly_new(
    place: Place, kind: type[Directory]
) -> None:
    outcomes = []
    for at in steps(place, kind):
        before = fingerprint(place.root)
        assert interrupted(place, at, kill, kind) == -signal.SIGKILL

        place.recover()

        assert place.is_tidy(), at
        outcomes.append("new" if Tree.read(place.root) == NEW else "old")
        assert outcomes[-1] == "new" or fingerprint(place.root) == before, at
    assert outcomes == sorted(outcomes, reverse=True)
    assert set(outcomes) == {"old", "new"}


@pytest.mark.timeout(300)
def test_the_recovery_may_be_killed_as_well(place: Place) -> None:
    for at in steps(place):
        interrupted(place, at, kill)
        in_child(partial(place.recover, Countdown(1 + at * 7 % 40, kill)))

        place.recover()

        assert place.is_tidy(), at
        assert Tree.read(place.root) in (BASE, NEW), at


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_undoes_all_or_comes_too_late(place: Place, number: signal.Signals) -> None:
    codes = []
    for at in steps(place):
        before = fingerprint(place.root)
        codes.append(interrupted(place, at, partial(signal.raise_signal, number)))

        assert place.is_tidy(), at
        if codes[-1]:
            assert fingerprint(place.root) == before, at
        else:
            assert Tree.read(place.root) == NEW, at
    assert set(codes) == {0, 130}


@pytest.mark.timeout(300)
def test_an_error_anywhere_undoes_all(place: Place) -> None:
    codes = []
    for at in steps(place):
        before = fingerprint(place.root)
        codes.append(interrupted(place, at, fail))
        place.recover()

        assert place.is_tidy(), at
        if codes[-1]:
            assert fingerprint(place.root) == before, at
        else:
            assert Tree.read(place.root) == NEW, at
    assert set(codes) == {0, 1}
