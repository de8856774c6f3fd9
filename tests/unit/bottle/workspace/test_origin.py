import os
from pathlib import Path, PurePosixPath

import pytest

from bottle.errors import BottleError
from bottle.plan import Workspace, WorkspaceMode
from bottle.tree import Kind, Node, blob_id
from bottle.workspace.origin import BaseWriter, How, Origin

ODD = PurePosixPath(os.fsdecode(b"a\xff/b\nc \xe2\x98\x83"))
NODES = {
    PurePosixPath("run"): Node(kind=Kind.FOLDER, mode=0o700),
    ODD: Node(kind=Kind.FILE, mode=0o644, size=3, blob=blob_id(b"abc")),
    PurePosixPath("link"): Node(kind=Kind.LINK, blob=blob_id(b"\xff"), target=os.fsdecode(b"\xff")),
}


def origin(folder: Path, how: How = How.COPY) -> Origin:
    return Origin(
        folder=folder, source="/w\udcff", how=how, started_ns=3, filled_ns=7, excludes=("*.o", "!a/b\n")
    )


@pytest.mark.parametrize("how", How)
def test_what_was_written_is_read_again(tmp_path: Path, how: How) -> None:
    origin(tmp_path, how).write()

    assert Origin.read(tmp_path) == origin(tmp_path, how)


@pytest.mark.parametrize(
    ("how", "mode"),
    [
        (How.OVERLAY, WorkspaceMode.PRIVATE),
        (How.COPY, WorkspaceMode.COPY),
        (How.MOUNT, WorkspaceMode.MOUNT),
    ],
)
def test_the_same_workspace_can_be_asked_for_again(tmp_path: Path, how: How, mode: WorkspaceMode) -> None:
    assert origin(tmp_path, how).workspace == Workspace(
        source=Path("/w\udcff"), mode=mode, excludes=("*.o", "!a/b\n")
    )


def test_a_bottle_without_a_record_began_empty(tmp_path: Path) -> None:
    assert Origin.read(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"source": "/", "how": "x", "started_ns": 1}', "\0"])
def test_a_damaged_record_says_where_it_lies(tmp_path: Path, text: str) -> None:
    (tmp_path / "workspace.json").write_text(text)
    with pytest.raises(BottleError, match=r"workspace\.json"):
        Origin.read(tmp_path)


def test_what_a_copy_held_is_read_again_whatever_the_names(tmp_path: Path) -> None:
    with BaseWriter.to(tmp_path) as base:
        for path, node in NODES.items():
            base.note(path, node)

    assert origin(tmp_path).base() == NODES


def test_only_a_copy_has_a_list_of_what_it_held(tmp_path: Path) -> None:
    assert origin(tmp_path, How.OVERLAY).base() == {}


@pytest.mark.parametrize("content", [None, b"", b"no gzip", b"\x1f\x8b\x08\x00"])
def test_a_list_that_is_cut_off_or_gone_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "base.gz").write_bytes(content)
    with pytest.raises(BottleError, match=r"base\.gz"):
        origin(tmp_path).base()


def test_what_was_applied_to_a_copy_s_directory_is_its_base_from_then_on(tmp_path: Path) -> None:
    copy = origin(tmp_path)
    with BaseWriter.to(tmp_path) as base:
        for path, node in NODES.items():
            base.note(path, node)
    new = Node(kind=Kind.FILE, mode=0o600, size=1, blob=blob_id(b"1"))

    copy.renew({ODD: new, PurePosixPath("link"): None, PurePosixPath("added"): new})

    run = PurePosixPath("run")
    assert copy.base() == {run: NODES[run], ODD: new, PurePosixPath("added"): new}
    assert copy.applied() == {}


def test_what_was_applied_below_an_overlay_is_on_record(tmp_path: Path) -> None:
    overlay = origin(tmp_path, How.OVERLAY)
    assert overlay.applied() == {}
    gone = PurePosixPath("gone\udcff")

    overlay.renew(NODES)
    overlay.renew({gone: None, ODD: None})

    assert overlay.applied() == {**NODES, gone: None, ODD: None}
    (tmp_path / "applied.gz").write_bytes(b"damaged")
    with pytest.raises(BottleError, match="what was applied cannot be read"):
        overlay.applied()
