import os
import resource
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path, PurePosixPath
from threading import Event, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bottle.errors import BottleError
from bottle.workspace.apply import Application
from bottle.workspace.directory import Directory
from bottle.workspace.merge import Reason
from bottle.workspace.planner import Plan
from bottle.workspace.transaction import Transactions
from support.applying import Countdown, Place, in_child
from support.trees import HOST_GIT, Git, Tree, clear, edited, file, fingerprint, relined, texts, trees

STRICTER = {Reason.CLASH, Reason.LINK_IN_THE_WAY}
"""Git knows no empty folders, and so no clash of one with a file or link."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("apply")
    (place / "root").mkdir()
    Git.made(place / "git").attach(place / "root")
    return place


def applied(place: Path, base: Tree, bottle: Tree) -> Plan:
    transactions = Transactions(folder=place / "applying")
    with Application.opened(Directory(place / "root"), "shell-1", transactions, HOST_GIT) as application:
        plan = application.plan(bottle.changes(base, place / "contents"))
        if not plan.conflicts:
            application.carry_out(plan)
    return plan


def test_the_outcome_is_that_of_git_s_merge_or_the_directory_is_untouched(place: Path) -> None:
    counts: Counter[str] = Counter()

    @settings(max_examples=150, deadline=None)
    @given(data=st.data())
    def compare(data: st.DataObject) -> None:
        base = data.draw(trees())
        focus = data.draw(st.sampled_from(sorted(base.items) or [PurePosixPath("a")]))
        host, bottle = data.draw(edited(base, focus)), data.draw(edited(base, focus))
        counts[outcome(place, base, host, bottle)] += 1

    compare()

    assert counts["a conflict to both"]
    assert counts["stricter than git"] <= counts.total() / 10, counts
    assert not list((place / "applying").glob("*"))


def test_lines_that_both_sides_changed_come_together_as_git_s_do(place: Path) -> None:
    counts: Counter[str] = Counter()

    @settings(max_examples=60, deadline=None)
    @given(base=texts, data=st.data())
    def compare(base: bytes, data: st.DataObject) -> None:
        host, bottle = (Tree.of({"a": file(data.draw(relined(base)))}) for _ in range(2))
        counts[outcome(place, Tree.of({"a": file(base)}), host, bottle)] += 1

    compare()

    assert counts["merged lines"] > 3
    assert counts["a conflict to both"]
    assert not counts["stricter than git"]


def outcome(place: Path, base: Tree, host: Tree, bottle: Tree) -> str:
    root, git = place / "root", Git(place / "git")
    clear(root)
    host.write(root)
    git.hold(base)
    before = fingerprint(root)
    expected = git.merge(base, host, bottle)
    plan = applied(place, base, bottle)
    if not plan.conflicts:
        now = Tree.read(root)
        assert now.tracked() == expected
        assert now.folders() <= host.folders() | bottle.folders()
        return "merged lines" if plan.merged else "merged"
    assert fingerprint(root) == before
    if expected is None:
        return "a conflict to both"
    assert {conflict.reason for conflict in plan.conflicts} <= STRICTER
    assert host.empty_folders() | bottle.empty_folders()
    return "stricter than git"


OLD = Tree.of({"a": file("a0"), "folder/b": file("b0"), "folder/c": file("c0")})
NEW = Tree.of({"a": file("a1"), "folder/b": file("b1"), "folder/new": file("n1")})


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def live(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill(OLD)
    return place


@pytest.mark.parametrize(
    "moment", ["create .gitignore", "aside a", "bring a", "bring folder/b", "sync folder", "journal end"]
)
@pytest.mark.parametrize("name", ["a", "folder/b", "folder/c", "folder/new"])
def test_what_the_operator_saves_meanwhile_is_never_lost(live: Place, moment: str, name: str) -> None:
    def save(step: str) -> None:
        if step == moment:
            # As an editor does it: beside, and over.
            (live.root / "tmp").write_text("saved")
            (live.root / "tmp").rename(live.root / name)

    with suppress(BottleError):
        live.apply(OLD, NEW, save)

    kept = [path.read_text() for path in live.root.rglob("*") if path.is_file()]
    assert "saved" in kept
    others = {
        str(path): item.content for path, item in Tree.read(live.root).items.items() if path.suffix == ""
    }
    for path in {"a", "folder/b"} - {name}:
        assert others[path] in {b"a0", b"b0", b"a1", b"b1"}


def test_what_is_written_to_a_file_that_was_open_all_along_is_not_lost(live: Place) -> None:
    with (live.root / "a").open("a") as log:

        def write(step: str) -> None:
            if step == "sync folder" and log.tell() == 2:
                log.write("saved")
                log.flush()

        with pytest.raises(BottleError, match="a was changed meanwhile; nothing was applied"):
            live.apply(OLD, NEW, write)

    assert (live.root / "a").read_text() == "a0saved"
    assert (live.root / "folder/b").read_text() == "b0"
    assert live.is_tidy()


def test_a_folder_swapped_for_a_link_again_and_again_lets_nothing_out(live: Place) -> None:
    outside = live.folder / "outside"
    outside.mkdir()
    (outside / "b").write_text("b0")
    swapping = Event()

    def swap() -> None:
        while not swapping.is_set():
            (live.root / "folder").rename(live.root / "aside")
            (live.root / "folder").symlink_to(outside)
            (live.root / "folder").unlink()
            (live.root / "aside").rename(live.root / "folder")

    thread = Thread(target=swap)
    thread.start()
    try:
        for _ in range(100):
            with suppress(BottleError):
                live.apply(OLD, NEW)
                live.apply(NEW, OLD)
    finally:
        swapping.set()
        thread.join()
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"b": "b0"}


@pytest.mark.parametrize("full", ["directory", "home"])
def test_a_full_disk_leaves_the_directory_as_it_was(live: Place, full: str) -> None:
    before = fingerprint(live.root)
    many = {PurePosixPath(str(number)): file("x") for number in range(40)}  # too much for a journal
    big = {PurePosixPath("big"): file("x" * 4096 * 3)}
    new = Tree({**NEW.items, **(big if full == "directory" else many)})

    def apply() -> None:
        with Application.opened(Directory(live.root), "shell-1", live.transactions, HOST_GIT) as application:
            plan = application.plan(new.changes(OLD, live.folder / "contents"))
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
            application.carry_out(plan)

    assert in_child(apply) == 1
    assert fingerprint(live.root) == before
    assert live.is_tidy()


def test_a_second_apply_waits_or_is_refused_and_leaves_the_first_alone(live: Place) -> None:
    said: list[str] = []

    def second(step: str) -> None:
        if step == "journal end":
            with pytest.raises(BottleError) as refused:
                live.apply(OLD, NEW)
            said.append(str(refused.value))

    live.apply(OLD, NEW, second)

    assert said == [f"another apply is under way in {live.root} (process {os.getpid()})"]
    assert Tree.read(live.root) == NEW


def test_another_s_stage_is_not_touched(live: Place) -> None:
    (live.root / ".bottle-apply-shell-1").mkdir()
    before = fingerprint(live.root)

    with pytest.raises(BottleError, match="is there already"):
        live.apply(OLD, NEW)
    assert fingerprint(live.root) == before


def test_a_recovery_does_not_undo_what_the_operator_did_since(live: Place) -> None:
    def killed(step: str) -> None:
        if step == "journal end":
            kill()

    in_child(lambda: live.apply(OLD, NEW, killed))
    assert (live.root / "a").read_text() == "a1"
    (live.root / "a").write_text("saved")

    with pytest.raises(BottleError, match="something new stands") as error:
        live.recover()

    assert (live.root / "a").read_text() == "saved"
    assert (live.root / "folder/b").read_text() == "b0"
    kept = live.root / ".bottle-apply-shell-1-kept-1"
    assert str(kept) in (error.value.hint or "")
    assert "a0" in {path.read_text() for path in kept.iterdir()}
    live.recover()
    assert (live.root / "a").read_text() == "saved"


def test_a_directory_that_is_gone_bothers_nobody_elsewhere(live: Place) -> None:
    in_child(lambda: live.apply(OLD, NEW, Countdown(12, kill)))
    (live.root).rename(live.folder / "moved")

    live.transactions.recover(live.folder)

    assert list((live.folder / "applying").iterdir())
    (live.folder / "moved").rename(live.root)
    live.transactions.recover()
    assert Tree.read(live.root) == OLD
    assert live.is_tidy()


def test_the_second_time_there_is_nothing_to_do(live: Place) -> None:
    live.apply(OLD, NEW)
    before = fingerprint(live.root)

    assert not live.apply(OLD, NEW).exchanges
    assert fingerprint(live.root) == before
