import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from attrs import evolve, frozen

from bottle.assets import Assets
from bottle.backends.base import Availability
from bottle.errors import BottleError, EnvironmentLacksError, UsageError
from bottle.launch.keeping import record_of
from bottle.launch.resolve import Resolved, Resolver
from bottle.manager import BottleManager
from bottle.manifest.catalog import Catalog
from bottle.paths import Paths
from bottle.proc import PIPE, Command, Process, end, spawn
from bottle.secret import SecretValues
from bottle.state.record import BottleRecord, DamagedRecordError, Phase
from support.applying import Place, in_child
from support.fakes import FakeBackend, RecordedProgress
from support.plans import IDENTITY, plan
from support.trees import Tree, file

OWNER = """\
import os, signal, sys; from pathlib import Path; from attrs import evolve
from bottle.state.record import BottleRecord; from bottle.state.store import StateStore
record = evolve(BottleRecord.from_json(sys.argv[3]), owner_pid=os.getpid())
{before}
with StateStore(Path(sys.argv[1]), Path(sys.argv[2])).claim(record):
    print("claimed", flush=True)
    while True: signal.pause()
"""
OBEDIENT = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
RECORD = evolve(record_of(plan()), backend="fake")


@frozen(kw_only=True)
class Scene:
    manager: BottleManager
    backend: FakeBackend
    progress: RecordedProgress
    stack: ExitStack

    def owner(self, before: str = OBEDIENT, record: BottleRecord = RECORD) -> Process:
        """Another `bottle` that owns the identity."""
        store = self.manager.store
        argv = (sys.executable, "-c", OWNER.format(before=before), str(store.root), str(store.runtime))
        process = spawn(Command(argv=(*argv, record.to_json())), stdin=PIPE, stdout=PIPE)
        self.stack.callback(end, process)
        self.stack.callback(process.kill)
        assert process.stdout
        assert process.stdout.readline() == b"claimed\n"
        return process

    def dead(self, record: BottleRecord = RECORD) -> None:
        process = self.owner(record=record)
        process.kill()
        process.wait()


@contextmanager
def scene(tmp_path: Path, backend: FakeBackend, *, grace: float = 20.0) -> Iterator[Scene]:
    paths = Paths(
        user_home=tmp_path, home=tmp_path / "home", cache=tmp_path, runtime=tmp_path / "run", cwd=tmp_path
    )
    catalog, progress = Catalog(paths), RecordedProgress()
    manager = BottleManager(
        paths=paths,
        environ={},
        backends={"fake": backend},
        catalog=catalog,
        resolver=Resolver(catalog=catalog, providers={}, paths=paths, environ={}),
        progress=progress,
        assets=lambda: Assets(root=tmp_path, digest="d1"),
        grace=grace,
    )
    with ExitStack() as stack:
        yield Scene(manager=manager, backend=backend, progress=progress, stack=stack)


def newer(scene: Scene, identity: str) -> Path:
    folder = scene.manager.store.root / identity
    folder.mkdir(parents=True)
    (folder / "record.json").write_text('{"schema_version": 9}')
    return folder


def test_a_launch_goes_through_the_backend_of_its_plan(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend()) as made:
        resolved = Resolved(plan=plan(), secrets=SecretValues(), questions=(), warnings=())

        assert made.manager.launch(resolved, SecretValues(), lambda live: 7) == 7
        assert made.backend.calls[0] == "build d1"
        with pytest.raises(UsageError, match="no backend 'other'"):
            made.manager.launch(evolve(resolved, plan=plan(backend="other")), SecretValues(), lambda live: 0)


def test_a_build_needs_no_launch(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend()) as made:
        made.manager.build(plan())

        assert made.backend.calls == ["build d1"]


def test_only_a_live_bottle_is_handed_out(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend()) as made:
        with pytest.raises(BottleError, match="is running"):
            made.manager.bottle(IDENTITY)
        made.owner()
        record, bottle = made.manager.bottle(IDENTITY)

        assert (record.identity, bottle.identity) == (IDENTITY, IDENTITY)


def test_stop_lets_the_owner_take_its_bottle_down(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend()) as made:
        owner = made.owner()
        made.manager.stop(IDENTITY)

        assert owner.wait() == 143
        assert made.backend.calls == []
        assert made.manager.store.entries() == []


def test_stop_does_it_in_the_place_of_an_owner_that_does_not(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend(), grace=0.1) as made:
        owner = made.owner(STUBBORN)
        made.manager.stop(IDENTITY)

        assert owner.wait() == -signal.SIGKILL
        assert made.backend.calls == ["remove"]
        assert made.manager.store.entries() == []


def test_stop_does_it_for_an_owner_that_is_suspended(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend(), grace=0.1) as made:
        owner = made.owner()
        owner.send_signal(signal.SIGSTOP)
        made.manager.stop(IDENTITY)

        assert owner.wait() == -signal.SIGKILL
        assert made.manager.store.entries() == []


def test_a_launch_reclaims_what_is_dead_and_nothing_else(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend()) as made:
        made.dead()
        made.owner(record=evolve(RECORD, identity="dev-livee"))
        kept = newer(made, "dev-newer")
        (made.manager.store.root / "dev-halff").mkdir()
        made.dead(evolve(RECORD, identity="dev-other", backend="unknown"))
        made.manager.reclaim()

        assert list(made.backend.bottles) == [IDENTITY]
        assert [entry.identity for entry in made.manager.store.entries()] == [
            "dev-halff", "dev-livee", "dev-newer", "dev-other"
        ]  # fmt: skip
        assert (kept / "record.json").exists()


def test_one_that_cannot_be_reclaimed_keeps_nobody_from_starting(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend(failing=["remove"])) as made:
        made.dead()
        made.manager.reclaim()

        assert made.progress.notes == [f"{IDENTITY} is dead and could not be removed: remove failed"]
        assert [entry.identity for entry in made.manager.store.entries()] == [IDENTITY]


def test_a_backend_that_does_not_answer_is_not_asked_to_reclaim(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend(found=Availability(usable=False, detail="gone"))) as made:
        made.dead()
        made.manager.reclaim()

        assert made.backend.calls == []
        assert len(made.manager.store.entries()) == 1


def test_leftovers_are_all_that_has_no_owner(tmp_path: Path) -> None:
    left = [IDENTITY, "dev-livee", "dev-newer", "gone-aaaaa"]
    with scene(tmp_path, FakeBackend(left=left)) as made:
        made.dead()
        made.owner(record=evolve(RECORD, identity="dev-livee"))
        newer(made, "dev-newer")
        (made.manager.store.root / "dev-halff").mkdir()
        found = made.manager.leftovers()

        assert [(leftover.identity, leftover.description.split()[0]) for leftover in found] == [
            (IDENTITY, "fake"), ("gone-aaaaa", "fake"), (IDENTITY, "state"), ("dev-halff", "state")
        ]  # fmt: skip
        for leftover in found:
            leftover.remove()
        assert made.backend.removed == [IDENTITY, "gone-aaaaa"]
        assert [entry.identity for entry in made.manager.store.entries()] == ["dev-livee", "dev-newer"]


def test_a_bottle_that_starts_while_leftovers_are_searched_is_none(tmp_path: Path) -> None:
    backend = FakeBackend(left=["dev-starting-aaaaa"])
    with scene(tmp_path, backend) as made:

        def start() -> None:
            made.owner(record=evolve(RECORD, identity="dev-starting-aaaaa"))

        backend.before_resources = start

        assert made.manager.leftovers() == []


def test_a_state_folder_that_came_to_life_after_the_listing_is_not_removed(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend()) as made:
        made.dead()
        (leftover,) = made.manager.leftovers()
        made.manager.store.remove(IDENTITY)
        made.owner()
        leftover.remove()

        assert [record.identity for record in made.manager.store.live()] == [IDENTITY]


KEPT = evolve(RECORD, phase=Phase.KEPT, status=143)


def marked(scene: Scene, record: BottleRecord = RECORD) -> None:
    """A kept bottle; with a RUNNING record, one whose owner was killed."""
    with scene.manager.store.claim(record):
        scene.manager.store.preserve(record.identity)


def test_reclaiming_suspends_what_is_marked_once(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend()) as made:
        marked(made, evolve(RECORD, phase=Phase.RUNNING))
        made.manager.reclaim()
        made.manager.reclaim()

        assert made.backend.calls == ["suspend"]
        (entry,) = made.manager.store.entries()
        assert (entry.kept, entry.record and entry.record.phase) == (True, Phase.KEPT)


def test_what_is_marked_is_no_leftover_but_what_ran_of_it_is(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend(left=[IDENTITY])) as made:
        made.manager.logs.of(IDENTITY).prepare()
        os.utime(made.manager.logs.of(IDENTITY).path, (0, 0))
        marked(made, evolve(RECORD, phase=Phase.RUNNING))
        (leftover,) = made.manager.leftovers()
        assert "home and workspace stay" in leftover.description
        leftover.remove()

        assert made.backend.calls == ["suspend"]
        assert made.manager.leftovers() == []
        assert made.manager.store.kept(IDENTITY).record


def test_what_is_held_is_suspended_first_and_cannot_be_held_twice(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend()) as made:
        marked(made, evolve(RECORD, phase=Phase.RUNNING))
        with made.manager.hold(IDENTITY, "bottle diff") as entry:
            assert entry.record
            assert entry.record.phase is Phase.KEPT
            assert made.backend.calls == ["suspend"]
            made.manager.reclaim()
            assert made.manager.leftovers() == []
        with made.manager.hold(IDENTITY, "bottle diff"):
            assert made.backend.calls == ["suspend"]


def test_a_backend_that_does_not_answer_suspends_nothing(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend(found=Availability(usable=False, detail="gone"))) as made:
        marked(made, evolve(RECORD, phase=Phase.RUNNING))
        with pytest.raises(EnvironmentLacksError, match="gone"), made.manager.hold(IDENTITY, "bottle diff"):
            pass

        assert made.manager.store.kept(IDENTITY).record


@pytest.mark.parametrize("damaged", [False, True])
def test_discarding_removes_all_of_it(tmp_path: Path, *, damaged: bool) -> None:
    with scene(tmp_path, FakeBackend()) as made:
        marked(made, KEPT)
        if damaged:
            (made.manager.store.root / IDENTITY / "record.json").write_text("{")
        made.manager.discard(IDENTITY, "bottle discard")

        assert made.backend.calls == ["remove"]
        assert made.manager.store.entries() == []


def test_what_cannot_be_discarded_is_still_kept(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend(failing=["remove"])) as made:
        marked(made, KEPT)
        with pytest.raises(BottleError, match="remove failed"):
            made.manager.discard(IDENTITY, "bottle discard")

        assert made.manager.store.kept(IDENTITY).record == KEPT


def test_stop_says_what_is_kept_and_keeps_it_in_the_place_of_its_owner(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend(), grace=0.1) as made:
        made.owner(STUBBORN)
        made.manager.store.preserve(IDENTITY)

        assert made.manager.stop(IDENTITY) is True
        assert made.backend.calls == ["suspend"]
        assert made.manager.store.kept(IDENTITY).live is False


def test_one_can_look_into_what_runs_and_into_what_is_kept(tmp_path: Path) -> None:
    with scene(tmp_path, FakeBackend()) as made:
        live = evolve(RECORD, identity="dev-livee", phase=Phase.RUNNING)
        made.owner(record=live)
        with made.manager.opened("dev-livee", "bottle diff") as (record, bottle):
            assert (record.identity, bottle.identity) == ("dev-livee", "dev-livee")
        marked(made, KEPT)
        with made.manager.opened(IDENTITY, "bottle diff") as (record, bottle):
            assert (record, bottle.identity) == (KEPT, IDENTITY)
            assert made.manager.store.entry(IDENTITY).live
        (made.manager.store.root / IDENTITY / "record.json").write_text("{")
        with pytest.raises(DamagedRecordError), made.manager.opened(IDENTITY, "bottle diff"):
            pass
        for identity in ("dev-zzzzz", "../x"):
            with pytest.raises(BottleError, match="is running"), made.manager.opened(identity, "bottle diff"):
                pass


def test_an_apply_that_was_cut_off_is_undone_before_a_bottle_starts(tmp_path: Path) -> None:
    old, new = Tree.of({"a": file("old")}), Tree.of({"a": file("new")})
    with scene(tmp_path, FakeBackend()) as made:
        place = Place(tmp_path, journals=made.manager.paths.applying)
        place.fill(old)
        in_child(partial(place.apply, old, new, killed_at_the_end))
        assert Tree.read(place.root).items.keys() > new.items.keys()

        made.manager.reclaim()

        assert Tree.read(place.root) == old
        assert place.is_tidy()


def killed_at_the_end(step: str) -> None:
    if step == "journal end":
        os.kill(os.getpid(), signal.SIGKILL)
