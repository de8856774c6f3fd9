"""Folders are private, records survive being cut off, and removal copes with what an agent leaves."""

import os
from pathlib import Path

import pytest

from bottle.backends.native import places
from bottle.backends.native.places import Places, Record
from bottle.errors import BottleError
from bottle.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(
        user_home=tmp_path, home=tmp_path / "h", cache=tmp_path / "c", runtime=tmp_path / "r", cwd=tmp_path
    )


def test_folders_are_private_and_found_by_identity(paths: Paths) -> None:
    place = Places.of(paths, "agent-abcde")
    for _ in range(2):
        place.prepare()
        place.prepare_gate()

    for folder in (paths.runtime, place.run, place.sidecar, place.box, place.gate):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert places.identities(paths) == {"agent-abcde"}
    place.remove()
    place.remove()
    assert places.identities(paths) == set()
    assert not place.gate.exists()


@pytest.mark.parametrize("identity", ["", "..", "../x", "a/b", "A", "-a", "a\n", ".users"])
def test_what_is_no_identity_becomes_no_path(paths: Paths, identity: str) -> None:
    with pytest.raises(BottleError):
        Places.of(paths, identity)


def test_a_link_in_the_place_of_a_folder_is_refused(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    paths.runtime.symlink_to(tmp_path / "target")

    with pytest.raises(BottleError, match="belongs to someone else"):
        Places.of(paths, "agent-abcde").prepare()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_refused(paths: Paths) -> None:
    paths.runtime.parent.chmod(0o1777)
    paths.runtime.mkdir()
    os.chown(paths.runtime, 4321, 4321)

    with pytest.raises(BottleError, match="belongs to someone else"):
        Places.of(paths, "agent-abcde").prepare()


def test_a_record_is_read_as_it_was_written_and_a_broken_one_is_empty(paths: Paths) -> None:
    place = Places.of(paths, "agent-abcde")
    place.prepare()
    assert place.read() == Record()
    place.update(cgroups=("/a",), limits=(("RLIMIT_CORE", 0),))
    record = place.update(pid=7, started=9)

    assert place.read() == record == Record(pid=7, started=9, cgroups=("/a",), limits=(("RLIMIT_CORE", 0),))
    (place.run / "record.json").write_text('{"pid": 7')
    assert place.read() == Record()


def test_a_socket_path_that_is_too_long_is_said_so(paths: Paths) -> None:
    with pytest.raises(BottleError, match="too long"):
        _ = Places.of(paths, "a" * 120).handover


def test_a_tree_without_permissions_and_deeper_than_any_recursion_is_removed(tmp_path: Path) -> None:
    top = tmp_path / "tree"
    top.mkdir()
    (top / "link").symlink_to("/etc")
    (top / "closed" / "inner").mkdir(parents=True)
    (top / "closed").chmod(0)
    here = Path.cwd()
    os.chdir(top)
    for _ in range(1500):
        Path("d").mkdir()
        os.chdir("d")
    os.chdir(here)

    places.remove_tree(top)

    assert not top.exists()
    assert Path("/etc").exists()


def test_what_is_suspended_has_its_home_and_workspace_and_no_more(paths: Paths) -> None:
    place = Places.of(paths, "agent-abcde")
    place.suspend()
    place.prepare()
    place.prepare_gate()
    for name in ("home", "workspace", "upper", "work", "etc", "other"):
        (place.box / name).mkdir()
    for _ in range(2):
        place.suspend()

    assert {path.name for path in place.box.iterdir()} == {"home", "workspace", "upper", "work"}
    assert place.owner == os.getuid()
    assert not place.run.exists()
    assert not place.gate.exists()
    assert places.identities(paths) == {"agent-abcde"}
