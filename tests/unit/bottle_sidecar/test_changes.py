import gzip
import io
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bottle.tree import blob_id
from bottle_sidecar import changes
from bottle_sidecar.changes import Base, Scan, ScanError

NOW = 1 << 62
"""A stamp after which nothing has changed."""


def read(stream: bytes) -> list[dict[str, Any]]:
    """The lines of a stream, contents put into them as `content`, holes filled."""
    file, found = io.BytesIO(stream), []
    while line := file.readline():
        fields = json.loads(line)
        if "data" in fields:
            content = bytearray(fields["size"])
            for offset, length in fields["data"]:
                content[offset : offset + length] = file.read(length)
            fields |= {"content": bytes(content), "end": file.readline().decode().strip()}
        found.append(fields)
    return found


def overlay(upper: Path) -> dict[str, dict[str, Any]]:
    out = io.BytesIO()
    Scan(out, None, 0).run(str(upper))
    *found, end = read(out.getvalue())
    assert end == {"end": True}
    return {fields["path"]: fields for fields in found}


def noted(folder: Path) -> bytes:
    """A base as it is on record, of all that a folder holds."""
    lines: list[dict[str, Any]] = []
    for path in sorted(folder.rglob("*")):
        name, mode = str(path.relative_to(folder)), path.lstat().st_mode & 0o777
        if path.is_symlink():
            lines.append({"path": name, "kind": "link", "target": str(path.readlink())})
        elif path.is_dir():
            lines.append({"path": name, "kind": "folder", "mode": mode})
        else:
            content = path.read_bytes()
            node = {"kind": "file", "mode": mode, "size": len(content), "blob": blob_id(content)}
            lines.append({"path": name, **{key: value for key, value in node.items() if value}})
    return gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode())


def copy(folder: Path, base: bytes, stamp: int = 0) -> dict[str, dict[str, Any]]:
    out = io.BytesIO()
    Scan(out, Base.read(io.BytesIO(base)), stamp).run(str(folder))
    *found, end = read(out.getvalue())
    assert end == {"end": True}
    return {fields["path"]: fields for fields in found}


def fill(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_an_upper_layer_is_told_whole(tmp_path: Path) -> None:
    fill(tmp_path, {"a": "A", "d/b": "B"})
    (tmp_path / "d" / "b").chmod(0o4755)
    (tmp_path / "d").chmod(0o2750)
    (tmp_path / "l").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "p")

    found = overlay(tmp_path)

    file = {"kind": "file", "size": 1, "data": [[0, 1]], "end": "whole"}
    assert found == {
        "a": {"path": "a", "mode": 0o644, "content": b"A", **file},
        "d": {"path": "d", "kind": "folder", "mode": 0o750},
        "d/b": {"path": "d/b", "mode": 0o755, "content": b"B", **file},
        "l": {"path": "l", "kind": "link", "target": "/etc/passwd"},
        "p": {"path": "p", "kind": "other"},
    }  # fmt: skip


def test_whiteouts_and_marks_are_understood(tmp_path: Path) -> None:
    os.mknod(tmp_path / "device", 0o020000, 0)
    fill(tmp_path, {"attribute": "", "copied": "x", "d/f": "", "e/f": "", "agents": "x"})
    os.setxattr(tmp_path / "attribute", "user.overlay.whiteout", b"y")
    os.setxattr(tmp_path / "copied", "user.overlay.origin", b"")
    os.setxattr(tmp_path / "d", "user.overlay.opaque", b"y")
    os.setxattr(tmp_path / "e", "user.overlay.opaque", b"x")  # says that there are whiteouts in it
    # What the agent sets by these names is kept under others by the kernel.
    os.setxattr(tmp_path / "agents", "user.overlay.overlay.whiteout", b"y")

    found = overlay(tmp_path)

    assert found["device"]["kind"] == found["attribute"]["kind"] == "gone"
    assert found["copied"]["origin"]
    assert found["d"]["opaque"]
    assert "opaque" not in found["e"]
    assert found["agents"]["content"] == b"x"


@pytest.mark.parametrize("mark", ["redirect", "metacopy"])
def test_an_entry_whose_content_is_elsewhere_is_refused(tmp_path: Path, mark: str) -> None:
    fill(tmp_path, {"a": ""})
    os.setxattr(tmp_path / "a", f"user.overlay.{mark}", b"/b")

    with pytest.raises(ScanError, match="elsewhere"):
        overlay(tmp_path)


def test_in_a_copy_a_device_is_no_whiteout(tmp_path: Path) -> None:
    base = noted(fill(tmp_path, {"a": "A"}))
    (tmp_path / "a").unlink()
    os.mknod(tmp_path / "a", 0o020000, 0)

    assert copy(tmp_path, base)["a"]["kind"] == "other"


def test_names_of_any_bytes_come_through(tmp_path: Path) -> None:
    names = [b"\xff\xfe", b"new\nline", b'quo"te\\', b"\x1b[31m", b"tab\t", "ünï".encode(), b" ", b"-rf"]
    for name in names:
        (tmp_path / os.fsdecode(name)).touch()

    assert {os.fsencode(name) for name in overlay(tmp_path)} == set(names)


def test_gits_own_is_named_and_not_looked_into(tmp_path: Path) -> None:
    fill(tmp_path, {".git/config": "", "sub/.GIT/x": "", "git~1": "", ".gitignore": "", ".git\u200c/x": ""})

    kinds = {path: fields["kind"] for path, fields in overlay(tmp_path).items()}

    git = dict.fromkeys((".git", "sub/.GIT", "git~1", ".git\u200c"), "git")
    assert kinds == {**git, "sub": "folder", ".gitignore": "file"}


def test_a_sparse_giant_is_sent_as_what_it_holds(tmp_path: Path) -> None:
    size = 1 << 40
    with (tmp_path / "giant").open("wb") as file:
        file.write(b"begin")
        file.seek(size - 3)
        file.write(b"end")
    out = io.BytesIO()

    Scan(out, None, 0).run(str(tmp_path))

    fields = json.loads(out.getvalue().split(b"\n")[0])
    assert fields["size"] == size
    assert len(out.getvalue()) < 1 << 16
    assert sum(length for _, length in fields["data"]) < 1 << 16


def test_a_file_of_very_many_parts_ends_in_one(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file:
        for number in range(changes.MOST_EXTENTS + 200):
            file.seek(number << 13)
            file.write(b"x")

    with (tmp_path / "f").open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        found = list(changes.extents(file.fileno(), size))

    assert len(found) == changes.MOST_EXTENTS + 1
    assert sum(found[-1]) == size


def test_a_deep_tree_is_told_to_a_depth_and_no_deeper(tmp_path: Path) -> None:
    nested(tmp_path, changes.DEEPEST - 1)
    assert len(overlay(tmp_path)) == changes.DEEPEST - 1
    nested(tmp_path, changes.DEEPEST + 5)

    with pytest.raises(ScanError, match="nested"):
        overlay(tmp_path)


def nested(folder: Path, depth: int) -> None:
    current = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        with suppress(FileExistsError):
            os.mkdir("d", dir_fd=current)
        below = os.open("d", os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = below
    os.close(current)


def test_a_copy_tells_what_differs_and_nothing_else(tmp_path: Path) -> None:
    fill(
        tmp_path, {"same": "1", "edited": "old", "mode": "2", "removed": "3", "d/removed": "4", ".git/x": "5"}
    )
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "file").symlink_to("a")
    base = noted(tmp_path)
    (tmp_path / "edited").write_text("new")
    (tmp_path / "mode").chmod(0o755)
    (tmp_path / "removed").unlink()
    (tmp_path / "d" / "removed").unlink()
    (tmp_path / "d").rmdir()
    (tmp_path / ".git" / "x").unlink()
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "file").unlink()
    (tmp_path / "file").touch()
    (tmp_path / "added").touch()

    found = copy(tmp_path, base)

    assert {path: fields["kind"] for path, fields in found.items()} == {
        "edited": "file", "mode": "file", "removed": "gone", "d": "gone", "d/removed": "gone", ".git": "git",
        "link": "link", "file": "file", "added": "file",
    }  # fmt: skip
    assert found["edited"]["content"] == b"new"
    was = {"kind": "file", "mode": 0o644, "size": 1, "blob": blob_id(b"3")}
    assert found["removed"] == {"path": "removed", "kind": "gone", "base": was}
    assert found["file"]["base"] == {"kind": "link", "target": "a"}
    assert "base" not in found["added"]


def test_in_a_copy_what_has_not_changed_since_is_not_read(tmp_path: Path) -> None:
    base = noted(fill(tmp_path, {"a": "old", "d/b": "old"}))
    (tmp_path / "a").write_text("new")

    assert copy(tmp_path, base, NOW) == {}
    assert set(copy(tmp_path, base)) == {"a"}


def test_a_file_that_nobody_knows_is_told_of_however_old_it_is(tmp_path: Path) -> None:
    """As those are in a folder that was renamed: a rename does not touch what is in it."""
    base = noted(fill(tmp_path, {"old/deep/f": "content"}))
    (tmp_path / "old").rename(tmp_path / "new")

    found = copy(tmp_path, base, NOW)

    assert {path: fields["kind"] for path, fields in found.items()} == {
        "new": "folder", "new/deep": "folder", "new/deep/f": "file",
        "old": "gone", "old/deep": "gone", "old/deep/f": "gone",
    }  # fmt: skip


def test_folders_that_changed_places_are_noticed(tmp_path: Path) -> None:
    """Each path is known, each file as old, as long and as permitted as it was: only their content tells."""
    fill(tmp_path, {"one/deep/f": "1", "two/deep/f": "2", "three/f": "3"})
    base = noted(tmp_path)
    stamp = settled(tmp_path)
    for source, target in (("one", "x"), ("two", "one"), ("x", "two")):
        (tmp_path / source).rename(tmp_path / target)

    found = copy(tmp_path, base, stamp)

    assert {path: fields["content"] for path, fields in found.items()} == {
        "one/deep/f": b"2",
        "two/deep/f": b"1",
    }


def settled(folder: Path) -> int:
    """A stamp that lies well after all that was done, and before all that is done next."""
    probe = folder.with_name(f"{folder.name}.clock")
    probe.touch()
    stamp = probe.stat().st_ctime_ns + 60_000_000
    while probe.stat().st_ctime_ns < stamp:
        probe.touch()
    return stamp


class Swapped(Scan):
    """Between the look at an entry and its opening, once for each, `swap` is called."""

    def __init__(self, out: io.BytesIO, swap: Callable[[str], None]) -> None:
        super().__init__(out, None, 0)
        self._swap = swap
        self._swapped: set[str] = set()

    def _look(self, parent: Any, name: str, status: os.stat_result) -> Any:
        if name not in self._swapped:
            self._swapped.add(name)
            self._swap(name)
        return super()._look(parent, name, status)


def test_an_entry_that_becomes_a_link_meanwhile_leads_nowhere(tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside", {"d/x": "SECRET", "f": "SECRET"})
    inside = fill(tmp_path / "inside", {"d/x": "mine", "f": "mine"})
    out = io.BytesIO()

    def swap(name: str) -> None:
        if name in ("d", "f"):
            (inside / name).rename(tmp_path / f"was-{name}")
            (inside / name).symlink_to(outside / name)

    Swapped(out, swap).run(str(inside))

    assert b"SECRET" not in out.getvalue()
    told = {fields.get("path"): fields.get("target") for fields in read(out.getvalue())}
    assert told == {"d": str(outside / "d"), "f": str(outside / "f"), None: None}


def test_an_entry_that_becomes_another_or_goes_meanwhile_is_looked_at_again(tmp_path: Path) -> None:
    fill(tmp_path, {"folder/x": "", "file": "", "gone": "", "pipe": ""})
    out = io.BytesIO()

    def swap(name: str) -> None:
        (tmp_path / name).rename(tmp_path.with_name(f"was-{name}"))
        match name:
            case "folder":
                (tmp_path / "folder").write_text("now a file")
            case "file":
                (tmp_path / "file").mkdir()
            case "pipe":
                os.mkfifo(tmp_path / "pipe")

    Swapped(out, swap).run(str(tmp_path))

    kinds = {fields.get("path"): fields.get("kind") for fields in read(out.getvalue())}
    assert kinds == {"folder": "file", "file": "folder", "pipe": "other", None: None}


def test_what_never_rests_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, {"f": ""})

    class Restless(Swapped):
        def _look(self, parent: Any, name: str, status: os.stat_result) -> Any:
            self._swapped.clear()
            return super()._look(parent, name, status)

    def swap(name: str) -> None:
        (tmp_path / "new").touch()
        (tmp_path / "new").rename(tmp_path / name)

    with pytest.raises(ScanError, match="changes too fast"):
        Restless(io.BytesIO(), swap).run(str(tmp_path))


def test_a_file_that_changes_while_it_is_read_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(3 << 20))

    class Writer(io.BytesIO):
        def write(self, data: Any) -> int:
            if len(data) > 1 << 19:
                os.truncate(path, 10)
            return super().write(data)

    out = Writer()
    Scan(out, None, 0).run(str(tmp_path))

    (found, _) = read(out.getvalue())
    assert found["end"] == "torn"
    assert found["size"] == len(found["content"]) == 3 << 20


def test_what_cannot_be_finished_says_so(tmp_path: Path) -> None:
    out = io.BytesIO()
    with pytest.raises(FileNotFoundError):
        Scan(out, None, 0).run(str(tmp_path / "none"))
    assert b"end" not in out.getvalue()


NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
EDITS = st.tuples(st.sampled_from(["write", "remove", "move", "folder", "mode", "link"]), PATHS, PATHS)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=st.lists(EDITS, max_size=12), after=st.lists(EDITS, max_size=12))
def test_whatever_is_done_to_a_copy_is_told(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]
) -> None:
    """Contents are of one length, so that nothing but they themselves and the times tell them apart."""
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name) / "tree"
        tree.mkdir()
        for number, edit in enumerate(before):
            apply(tree, number, *edit)
        start, base = held(tree), noted(tree)
        stamp = settled(tree)
        for number, edit in enumerate(after, 50):
            apply(tree, number, *edit)

        found = copy(tree, base, stamp)

        now = held(tree)
        assert set(found) == {path for path in start | now if start.get(path) != now.get(path)}
        for path, fields in found.items():
            assert (fields["kind"] == "gone") == (path not in now)
            if "content" in fields:
                assert fields["content"] == (tree / path).read_bytes()


def apply(tree: Path, number: int, edit: str, one: str, other: str) -> None:
    """Whatever of it can be done where it is."""
    path = tree / one
    with suppress(OSError):
        match edit:
            case "write":
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{number:04}")
            case "remove" if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            case "remove":
                path.unlink()
            case "move":
                path.rename(tree / other)
            case "folder":
                path.mkdir(parents=True)
            case "mode" if not path.is_symlink():
                path.chmod(0o700 if number % 2 else 0o755)
            case "link":
                path.symlink_to(other)


def held(tree: Path) -> dict[str, tuple[Any, ...]]:
    """Kind, permissions and content of all that is in it."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in tree.rglob("*"):
        mode = path.lstat().st_mode
        name = str(path.relative_to(tree))
        if stat.S_ISLNK(mode):
            found[name] = ("link", str(path.readlink()))
        else:
            found[name] = (mode, path.read_bytes() if stat.S_ISREG(mode) else b"")
    return found
