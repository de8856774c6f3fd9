import io
import json
import os
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from attrs import evolve

from bottle.errors import BottleError
from bottle.tree import Change, Kind, Node, blob_id
from bottle.workspace.changeset import ChangeSet, Skipped
from bottle.workspace.origin import How, Origin


def test_a_change_set_is_its_changes_and_false_without_any() -> None:
    change = Change(path=PurePosixPath("a"), base=None, new=Node(kind=Kind.FOLDER, mode=0o755))
    assert not ChangeSet(skipped=Skipped(git=3))
    found = ChangeSet(changes=(change,))
    assert found
    assert list(found) == [change]
    assert len(found) == 1


class Case:
    """A host's directory, and what a bottle tells of its workspace."""

    def __init__(self, folder: Path, how: How) -> None:
        self.host = folder / "host"
        self.host.mkdir()
        self.origin = Origin(folder=folder, source=str(self.host), how=how, started_ns=0)
        self.lines: list[bytes] = []

    def started(self) -> None:
        """All that was done to the host is older, and all that is done next is younger."""
        probe = self.host.with_name("clock")
        probe.touch()
        now = probe.stat().st_ctime_ns
        while probe.stat().st_ctime_ns <= now:
            probe.touch()
        self.origin = evolve(self.origin, started_ns=now)

    def tell(self, path: str, kind: str, text: str | None = None, **fields: Any) -> None:
        head = {"path": path, "kind": kind, **fields}
        if text is None:
            self.lines.append(json.dumps(head).encode() + b"\n")
            return
        content = text.encode()
        head = {"mode": 0o644, "size": len(content), "data": [[0, len(content)]], **head}
        self.lines.append(json.dumps(head).encode() + b"\n" + content + b"whole\n")

    def read(self, **options: Any) -> ChangeSet:
        stream = io.BytesIO(b"".join(self.lines) + b'{"end": true}\n')
        into = Path(tempfile.mkdtemp(dir=self.origin.folder))
        return ChangeSet.read(stream, self.origin, into, limit=1 << 20, **options)

    def seen(self, **options: Any) -> dict[str, str]:
        """Path to `before>after`, with `?` where what was before is not known."""
        return {str(change.path): shown(change) for change in self.read(**options)}


def shown(change: Change) -> str:
    before = brief(change.base) if change.base_known else "?"
    return f"{before}>{brief(change.new)}"


def brief(node: Node | None) -> str:
    return (
        "" if node is None else {Kind.FILE: "f", Kind.LINK: "l", Kind.FOLDER: "d", Kind.OTHER: "o"}[node.kind]
    )


@pytest.fixture
def overlay(tmp_path: Path) -> Case:
    return Case(tmp_path, How.OVERLAY)


@pytest.fixture
def copied(tmp_path: Path) -> Case:
    return Case(tmp_path, How.COPY)


OLD = {"kind": "file", "mode": 0o644, "size": 3, "blob": blob_id(b"old")}


def test_over_an_overlay_the_base_is_what_the_host_has(overlay: Case) -> None:
    for name in ("edited", "removed", "same", "replaced"):
        (overlay.host / name).write_text("old")
    overlay.started()
    overlay.tell("edited", "file", "new", origin=True)
    overlay.tell("removed", "gone")
    overlay.tell("same", "file", "old", origin=True)
    overlay.tell("replaced", "link", target="x")
    overlay.tell("added", "file", "new")
    overlay.tell("d", "folder", mode=0o755)

    assert overlay.seen() == {"added": ">f", "d": ">d", "edited": "f>f", "removed": "f>", "replaced": "f>l"}
    (edited,) = (change for change in overlay.read() if change.path.name == "edited")
    assert edited.base == Node(kind=Kind.FILE, mode=0o644, size=3, blob=blob_id(b"old"))
    assert edited.content is not None
    assert edited.content.read_bytes() == b"new"


def test_what_the_host_changed_since_is_not_known(overlay: Case) -> None:
    for name in ("edited", "removed"):
        (overlay.host / name).write_text("old")
    overlay.started()
    for name in ("edited", "removed", "added"):
        (overlay.host / name).write_text("of the operator")
    for name in ("edited", "added"):
        overlay.tell(name, "file", "of the agent")
    overlay.tell("removed", "gone")

    assert overlay.seen() == {"added": "?>f", "edited": "?>f", "removed": "?>"}


def test_a_time_that_is_set_back_hides_no_change_of_the_hosts(overlay: Case) -> None:
    (overlay.host / "f").write_text("old")
    before = (overlay.host / "f").stat()
    overlay.started()
    (overlay.host / "f").write_text("new")
    os.utime(overlay.host / "f", ns=(before.st_atime_ns, before.st_mtime_ns))
    overlay.tell("f", "gone")

    assert overlay.seen() == {"f": "?>"}


def test_what_both_did_alike_is_no_change(overlay: Case) -> None:
    (overlay.host / "removed").touch()
    overlay.started()
    (overlay.host / "removed").unlink()
    (overlay.host / "added").write_text("alike")
    overlay.tell("removed", "gone")
    overlay.tell("added", "file", "alike")

    assert overlay.seen() == {}


def test_what_the_host_removed_since_is_not_known_where_it_was_copied_up(overlay: Case) -> None:
    for name in ("d/f", "e/f"):
        (overlay.host / name).parent.mkdir()
        (overlay.host / name).touch()
    overlay.started()
    (overlay.host / "d" / "f").unlink()
    overlay.tell("d/f", "file", "x", origin=True)
    overlay.tell("d/new", "file", "x")
    overlay.tell("e/new", "file", "x", origin=True)  # nothing was removed there: this was renamed within

    assert overlay.seen() == {"d/f": "?>f", "d/new": ">f", "e/new": ">f"}


def test_a_removed_folder_takes_along_all_that_is_in_it(overlay: Case) -> None:
    for name in ("gone/deep/f", "opaque/kept", "opaque/lost", "file/f", ".git/x", "gone/.git/x"):
        (overlay.host / name).parent.mkdir(parents=True, exist_ok=True)
        (overlay.host / name).touch()
    (overlay.host / "gone" / "link").symlink_to("/")
    overlay.started()
    overlay.tell("gone", "gone")
    overlay.tell("opaque", "folder", mode=0o755, opaque=True)
    overlay.tell("opaque/kept", "file", "other")
    overlay.tell("file", "file", "now")

    assert overlay.seen() == {
        "file": "d>f", "file/f": "f>", "gone": "d>", "gone/deep": "d>", "gone/deep/f": "f>",
        "gone/link": "l>", "opaque/kept": "f>f", "opaque/lost": "f>",
    }  # fmt: skip


def test_a_folder_stands_before_what_is_in_it(overlay: Case) -> None:
    overlay.started()
    for name in ("a/b", "a-", "a", "a/b/c"):
        overlay.tell(name, "folder", mode=0o755)

    assert [str(change.path) for change in overlay.read()] == ["a", "a/b", "a/b/c", "a-"]


def test_of_a_copy_the_base_is_what_was_noted(copied: Case) -> None:
    for name in ("edited", "removed"):
        (copied.host / name).write_text("changed since: who applies this will notice")
    (copied.host / "both").write_text("alike")
    copied.tell("edited", "file", "new", base=OLD)
    copied.tell("both", "file", "alike", base=OLD)
    copied.tell("same", "file", "old", base=OLD)
    copied.tell("removed", "gone", base=OLD)
    copied.tell("folder", "folder", mode=0o755, base=OLD)
    copied.tell("link", "link", target="x", base={"kind": "link", "target": "y"})
    copied.tell("added", "file", "new")

    expected = {"added": ">f", "edited": "f>f", "folder": "f>d", "link": "l>l", "removed": "f>"}
    assert copied.seen() == expected


def test_gits_own_and_special_files_are_counted_and_left_out(copied: Case) -> None:
    copied.tell(".git", "git")
    copied.tell("sub/.GIT/hooks/post-checkout", "file", "evil")  # the scanner would have stopped before it
    copied.tell("pipe", "other")
    copied.tell("f", "file", "x")

    found = copied.read()

    assert [str(change.path) for change in found] == ["f"]
    assert found.skipped == Skipped(git=2, special=1)


def test_what_was_left_out_at_the_start_and_what_is_not_wanted_is_not_told(overlay: Case) -> None:
    (overlay.host / "d" / "secret").mkdir(parents=True)
    (overlay.host / "d" / "secret" / "f").touch()
    overlay.started()
    overlay.tell("d", "gone")
    overlay.tell("secret", "gone")
    overlay.tell("x", "file", "x")
    overlay.tell("y", "file", "y")

    def excluded(path: PurePosixPath) -> bool:
        return "secret" in path.parts

    assert overlay.seen(excluded=excluded) == {"d": "d>", "x": ">f", "y": ">f"}
    assert overlay.seen(wanted=lambda path: path.name == "x") == {"x": ">f"}


def test_ignored_paths_go_with_all_that_is_below(overlay: Case) -> None:
    overlay.started()
    for name in ("build", "build/deep"):
        overlay.tell(name, "folder", mode=0o755)
    overlay.tell("build/deep/f", "file", "x")
    overlay.tell("builds", "file", "x")

    found = overlay.read().without({PurePosixPath("build")})

    assert [str(change.path) for change in found] == ["builds"]
    assert found.skipped == Skipped(ignored=3)


def test_torn_files_are_named(overlay: Case) -> None:
    overlay.started()
    overlay.tell("whole", "file", "x")
    overlay.tell("torn", "file", "x")
    overlay.lines[-1] = overlay.lines[-1].replace(b"whole\n", b"torn\n")

    assert overlay.read().torn == {PurePosixPath("torn")}


def test_too_much_is_an_error(overlay: Case) -> None:
    overlay.tell("f", "file", "x" * (1 << 20) + "x")
    with pytest.raises(BottleError, match="come to more than 1 MiB"):
        overlay.read()


def test_what_the_host_took_over_from_an_overlay_is_what_later_changes_began_as(overlay: Case) -> None:
    node = Node(kind=Kind.FILE, mode=0o644, size=3, blob=blob_id(b"new"))
    for name in ("same", "changed", "gone", "piped"):
        (overlay.host / name).write_text("of the host, or merged")
    taken = {PurePosixPath(name): node for name in ("same", "changed", "gone", "piped", "gone on both")}
    overlay.origin.renew({**taken, PurePosixPath("removed"): None})
    (overlay.host / "removed").write_text("of the host")
    overlay.tell("same", "file", "new")
    overlay.tell("changed", "file", "newer")
    overlay.tell("removed", "gone")
    overlay.tell("piped", "other")

    found = overlay.read()

    assert {str(change.path): change.base for change in found} == {"changed": node, "gone": node}
    assert all(change.base_known for change in found)
    assert found.skipped.special == 1
