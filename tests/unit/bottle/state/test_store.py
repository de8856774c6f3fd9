import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from bottle.errors import BottleError, EnvironmentLacksError
from bottle.proc import PIPE, Command, Process, end, run, spawn
from bottle.state.record import BottleRecord, DamagedRecordError, NewerSchemaError, Phase
from bottle.state.store import StateStore

RECORD = BottleRecord(
    identity="dev-abcde",
    agent="dev",
    bottle="dev",
    backend="native",
    provider="shell",
    created=1.0,
    owner_pid=os.getpid(),
    interactive=False,
)
OWNER = """\
import sys; from pathlib import Path
from bottle.state.record import BottleRecord; from bottle.state.store import StateStore
record = BottleRecord.from_json(sys.argv[3])
with StateStore(Path(sys.argv[1]), Path(sys.argv[2])).claim(record):
    print("claimed", flush=True)
    sys.stdin.read()
"""
HOLDER = """\
import sys; from pathlib import Path
from bottle.state.store import StateStore
with StateStore(Path(sys.argv[1]), Path(sys.argv[2])).hold("dev-abcde", "bottle diff"):
    print("claimed", flush=True)
    sys.stdin.read()
"""
RESUMER = """\
import os, sys; from pathlib import Path; from attrs import evolve
from bottle.errors import BottleError
from bottle.state.record import BottleRecord, Phase; from bottle.state.store import StateStore
record, store = BottleRecord.from_json(sys.argv[3]), StateStore(Path(sys.argv[1]), Path(sys.argv[2]))
try:
    with store.hold("dev-abcde", "bottle resume"):
        store.update(evolve(record, phase=Phase.RUNNING, owner_pid=os.getpid()))
        print("won", flush=True)
        sys.stdin.read()
except BottleError as error:
    print("lost", error, flush=True)
"""
CYCLES = """\
import sys; from pathlib import Path; from attrs import evolve
from bottle.state.record import BottleRecord; from bottle.state.store import StateStore
record = BottleRecord.from_json(sys.argv[3])
store = StateStore(Path(sys.argv[1]), Path(sys.argv[2]))
for number in range(60):
    with store.claim(record) as folder:
        assert (folder / "record.json").exists(), "removed under its owner"
        assert store.live_record(record.identity) == record
"""


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return StateStore(tmp_path / "home" / "state", tmp_path / "run" / "bot-bottle")


def process(store: StateStore, code: str, record: BottleRecord = RECORD) -> Process:
    argv = (sys.executable, "-c", code, str(store.root), str(store.runtime), record.to_json())
    return spawn(Command(argv=argv), stdin=PIPE, stdout=PIPE)


@contextmanager
def owner(store: StateStore, record: BottleRecord = RECORD, code: str = OWNER) -> Iterator[Process]:
    """Another process that holds the identity."""
    started = process(store, code, record)
    assert started.stdout
    assert started.stdout.readline() == b"claimed\n"
    try:
        yield started
    finally:
        end(started)


def killed_owner(store: StateStore, record: BottleRecord = RECORD) -> None:
    with owner(store, record) as started:
        started.kill()
        started.wait()


def kept(store: StateStore, **changes: Any) -> None:
    """As a launch leaves it behind."""
    with store.claim(RECORD):
        store.preserve("dev-abcde")
        store.update(evolve(RECORD, **{"phase": Phase.KEPT, **changes}))


def test_a_claim_lives_as_long_as_its_context(store: StateStore) -> None:
    with store.claim(RECORD) as folder:
        assert folder == store.root / "dev-abcde"
        assert [entry.live for entry in store.entries()] == [True]
        assert store.live() == [RECORD]
        assert store.live_record("dev-abcde") == RECORD
        assert (store.runtime / "dev-abcde").is_dir()

    assert store.entries() == []
    assert not folder.exists()
    assert not (store.runtime / "dev-abcde").exists()


def test_nobody_else_may_look_into_it(store: StateStore) -> None:
    with store.claim(RECORD) as folder:
        private = [store.root, store.runtime, folder, store.runtime / "dev-abcde"]

        assert {path.stat().st_mode & 0o777 for path in private} == {0o700}
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_it_ends_with_an_exception_too(store: StateStore) -> None:
    with pytest.raises(KeyboardInterrupt), store.claim(RECORD):
        raise KeyboardInterrupt

    assert store.entries() == []


def test_liveness_is_seen_from_other_processes_and_ends_with_the_owner_however_it_dies(
    store: StateStore,
) -> None:
    with owner(store) as started:
        assert store.live() == [RECORD]
        store.remove("dev-abcde")
        assert store.live() == [RECORD]
        started.kill()
        started.wait()

        assert store.live() == []
    dead = store.entry("dev-abcde")
    assert (dead.live, dead.record) == (False, RECORD)

    store.remove("dev-abcde")
    assert store.entries() == []
    assert not (store.runtime / "dev-abcde").exists()


def test_two_owners_of_one_identity_cannot_be(store: StateStore) -> None:
    with owner(store), pytest.raises(BottleError, match="exists already"), store.claim(RECORD):
        pass

    with owner(store):
        assert store.live() == [RECORD]


def test_a_claim_after_one_that_was_killed_points_at_cleanup_and_then_works(store: StateStore) -> None:
    killed_owner(store)
    with pytest.raises(BottleError, match="exists already") as caught, store.claim(RECORD):
        pass
    assert caught.value.hint == "bottle cleanup"

    store.remove("dev-abcde")
    with store.claim(RECORD):
        assert store.live() == [RECORD]


def test_two_owners_of_two_identities_do_not_disturb_each_other(store: StateStore) -> None:
    other = evolve(RECORD, identity="dev-bbbbb")
    with owner(store), owner(store, other), store.claim(evolve(RECORD, identity="dev-ccccc")):
        assert [record.identity for record in store.live()] == ["dev-abcde", "dev-bbbbb", "dev-ccccc"]


def test_a_cleanup_beside_starts_and_ends_never_touches_a_live_one(store: StateStore) -> None:
    starting = [process(store, CYCLES, evolve(RECORD, identity=f"dev-{letter * 5}")) for letter in "abc"]
    while any(each.poll() is None for each in starting):
        for entry in store.entries():
            assert entry.live, "an owner's folder was seen unlocked"
            store.remove(entry.identity)
    codes = [each.returncode for each in starting]
    for each in starting:
        end(each)

    assert codes == [0, 0, 0]
    assert store.entries() == []


def test_a_half_made_folder_is_listed_as_dead_and_can_be_removed(store: StateStore) -> None:
    half = store.root / "dev-abcde"
    half.mkdir(parents=True)
    entry = store.entry("dev-abcde")

    assert (entry.live, entry.record, entry.problem) == (False, None, None)
    store.remove("dev-abcde")
    assert store.entries() == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"{}", b"[" * 100_000])
def test_a_damaged_record_is_listed_with_its_problem(store: StateStore, content: bytes) -> None:
    killed_owner(store)
    (store.root / "dev-abcde" / "record.json").write_bytes(content)
    (entry,) = store.entries()

    assert (entry.live, entry.record) == (False, None)
    assert isinstance(entry.problem, DamagedRecordError)
    with pytest.raises(DamagedRecordError):
        store.live_record("dev-abcde")


def test_a_record_of_another_bottle_is_not_believed(store: StateStore) -> None:
    with store.claim(RECORD) as folder:
        (folder / "record.json").write_text(evolve(RECORD, identity="dev-zzzzz").to_json())

        assert store.live() == []
        with pytest.raises(DamagedRecordError, match="of another bottle"):
            store.live_record("dev-abcde")


def test_a_later_version_s_state_is_refused_and_stays_untouched(store: StateStore) -> None:
    folder = store.root / "dev-abcde"
    folder.mkdir(parents=True)
    text = RECORD.to_json().replace('"schema_version": 2', '"schema_version": 7')
    (folder / "record.json").write_text(text)
    (folder / "transcript").write_text("kept")
    (entry,) = store.entries()

    assert entry.newer
    store.remove("dev-abcde")
    assert (folder / "record.json").read_text() == text
    assert (folder / "transcript").read_text() == "kept"
    with pytest.raises(NewerSchemaError):
        store.live_record("dev-abcde")


@pytest.mark.parametrize(
    "identity", ["dev-zzzzz", "../dev-abcde", "", "/etc", "dev-abcde/../dev-abcde", "\udcff"]
)
def test_an_unknown_or_impossible_identity_is_answered_with_how_to_find_one(
    store: StateStore, identity: str
) -> None:
    with store.claim(RECORD), pytest.raises(BottleError, match="is running") as caught:
        store.live_record(identity)

    assert caught.value.hint == "bottle list active"


def test_other_things_in_the_folder_are_left_alone(store: StateStore) -> None:
    store.root.mkdir(parents=True)
    (store.root / "notes.txt").write_text("mine")
    (store.root / "crash-1.txt").write_text("")
    (store.root / "folder").mkdir()

    assert store.entries() == []


def test_without_a_state_folder_there_is_nothing_and_none_is_made(store: StateStore) -> None:
    store.remove("dev-abcde")

    assert store.entries() == []
    assert store.live() == []
    assert not store.root.exists()


def test_a_folder_that_is_removed_under_its_owner_is_no_error(store: StateStore) -> None:
    with store.claim(RECORD):
        run(Command(argv=("rm", "-rf", str(store.root))))

    assert not store.root.exists()


@pytest.mark.parametrize("make", ["open", "link", "file"])
def test_a_runtime_folder_that_others_may_have_made_is_refused(store: StateStore, make: str) -> None:
    store.runtime.parent.mkdir(parents=True)
    match make:
        case "open":
            store.runtime.mkdir()
            store.runtime.chmod(0o755)
        case "link":
            (store.root.parent / "mine").mkdir(parents=True, mode=0o700)
            store.runtime.symlink_to(store.root.parent / "mine")
        case "file":
            store.runtime.write_text("")
    with pytest.raises(BottleError, match="nobody else can enter") as caught, store.claim(RECORD):
        pass

    assert caught.value.hint == f"rm -r {store.runtime}"
    assert store.entries() == []


def test_a_runtime_folder_that_cannot_be_made_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = StateStore(tmp_path / "state", tmp_path / "file" / "bot-bottle")
    with pytest.raises(EnvironmentLacksError, match="cannot be made") as caught, store.claim(RECORD):
        pass

    assert "XDG_RUNTIME_DIR" in (caught.value.hint or "")


def test_a_full_disk_fails_the_claim_and_leaves_nothing(store: StateStore) -> None:
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        f"try:\n{''.join('    ' + line + chr(10) for line in OWNER.splitlines())}"
        "except OSError as error: print('failed', error.errno, flush=True)"
    )
    started = process(store, code)
    assert started.stdout

    assert started.stdout.read() == b"failed 27\n"
    end(started)
    assert store.entries() == []
    assert list((store.runtime).iterdir()) == []


def test_what_is_marked_outlives_its_owner_and_nothing_removes_it(store: StateStore) -> None:
    kept(store)
    store.remove("dev-abcde")
    (entry,) = store.entries()

    assert (entry.live, entry.active, entry.kept, entry.preserved) == (False, False, True, True)
    assert store.live() == []
    assert not (store.runtime / "dev-abcde").exists()
    with pytest.raises(BottleError, match="is kept") as caught:
        store.live_record("dev-abcde")
    assert caught.value.hint == "bottle resume dev-abcde"


def test_what_is_marked_outlives_an_owner_that_was_killed(store: StateStore) -> None:
    with owner(store) as started:
        store.preserve("dev-abcde")
        assert not store.entry("dev-abcde").kept
        started.kill()
        started.wait()
    store.remove("dev-abcde")

    assert store.kept("dev-abcde").record == RECORD


def test_a_mark_that_was_taken_away_keeps_nothing(store: StateStore) -> None:
    with store.claim(RECORD):
        store.preserve("dev-abcde")
        store.forget("dev-abcde")
        store.forget("dev-abcde")

    assert store.entries() == []


def test_a_kept_one_is_held_by_one_and_stays(store: StateStore) -> None:
    kept(store)
    with store.hold("dev-abcde", "bottle diff") as entry:
        assert (entry.live, entry.active, entry.kept) == (True, False, True)
        assert (store.runtime / "dev-abcde").is_dir()
        assert store.live() == []

    assert not (store.runtime / "dev-abcde").exists()
    assert store.kept("dev-abcde").live is False


def test_held_and_forgotten_it_is_gone(store: StateStore) -> None:
    kept(store)
    with store.hold("dev-abcde", "bottle discard"):
        store.forget("dev-abcde")

    assert store.entries() == []
    with pytest.raises(BottleError, match="is kept"):
        store.kept("dev-abcde")


def test_the_runtime_folder_of_a_machine_that_started_anew_is_made_again(store: StateStore) -> None:
    kept(store)
    run(Command(argv=("rm", "-rf", str(store.runtime.parent))))
    with store.hold("dev-abcde", "bottle resume"):
        assert (store.runtime / "dev-abcde").is_dir()


def test_who_comes_second_is_told_who_holds_it(store: StateStore) -> None:
    kept(store)
    with owner(store, code=HOLDER) as started:
        with pytest.raises(BottleError) as caught, store.hold("dev-abcde", "bottle apply", patience=0.2):
            pass
        assert str(caught.value) == f"dev-abcde is in use by `bottle diff` (pid {started.pid})"
        started.kill()
        started.wait()
        with store.hold("dev-abcde", "bottle apply", patience=0):
            pass


def test_who_comes_second_waits_for_the_first(store: StateStore) -> None:
    kept(store)
    with owner(store, code=HOLDER) as first:
        second = process(store, HOLDER)
        time.sleep(0.2)
        assert second.poll() is None
        assert first.stdin
        first.stdin.close()
        assert second.stdout
        assert second.stdout.readline() == b"claimed\n"
        end(second)


def test_of_two_that_resume_it_one_wins(store: StateStore) -> None:
    kept(store)
    both = [process(store, RESUMER) for _ in range(2)]
    said = [each.stdout.readline().split()[0] for each in both if each.stdout]
    for each in both:
        end(each)

    assert sorted(said) == [b"lost", b"won"]


def test_one_that_runs_cannot_be_held(store: StateStore) -> None:
    for interactive, hint in ((True, "`bottle attach dev-abcde` or "), (False, "")):
        with owner(store, evolve(RECORD, interactive=interactive)):
            with pytest.raises(BottleError, match="dev-abcde is running") as caught:
                store.kept("dev-abcde")
            assert caught.value.hint == f"{hint}`bottle stop dev-abcde`"


def test_one_that_is_dead_and_not_marked_cannot_be_held(store: StateStore) -> None:
    killed_owner(store)
    for identity in ("dev-abcde", "dev-zzzzz", "../x", ""):
        with pytest.raises(BottleError, match="is kept") as caught, store.hold(identity, "bottle resume"):
            pass
        assert caught.value.hint == "bottle list kept"


def test_a_kept_one_of_a_later_version_is_refused_and_stays_untouched(store: StateStore) -> None:
    kept(store)
    folder = store.root / "dev-abcde"
    (folder / "record.json").write_text('{"schema_version": 7}')
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(NewerSchemaError), store.hold("dev-abcde", "bottle discard"):
        pass
    store.remove("dev-abcde")

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_kept_one_with_a_damaged_record_can_be_held(store: StateStore) -> None:
    kept(store)
    (store.root / "dev-abcde" / "record.json").write_text("{")
    with store.hold("dev-abcde", "bottle discard") as entry:
        assert entry.record is None
        assert isinstance(entry.problem, DamagedRecordError)
