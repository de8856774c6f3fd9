import errno
import os
from pathlib import Path, PurePosixPath

import pytest

from bottle.errors import BottleError
from bottle.tree import Change, blob_id
from bottle.workspace.directory import Directory
from bottle.workspace.merge import MAX_TEXT, Outcome, Reason, Side, TextMerge
from bottle.workspace.pieces import Pieces, RefusedError, leads_out
from bottle.workspace.stage import Piece
from support.trees import HOST_GIT, Item, file

PATH = PurePosixPath("x")


def piece(
    root: Path, content: Path | None, new: Item, outcome: Outcome, base: Item | None = None
) -> Piece | None:
    change = Change(path=PATH, base=base.node if base else None, new=new.node, content=content)
    with Directory(root) as tree:
        pieces = Pieces(tree=tree, merge=TextMerge(root, HOST_GIT), umask=0o022)
        made = pieces.of(change, outcome, tree.entry(PATH))
        return Piece(kind=made.kind, mode=made.mode, chunks=tuple(made.chunks)) if made else None


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "content").write_bytes(b"new")
    return tmp_path / "root"


def test_the_bottle_s_content(root: Path) -> None:
    made = piece(root, root.parent / "content", file("new"), Outcome(side=Side.BOTTLE))

    assert made
    assert (made.chunks, made.mode) == ((b"new",), 0o644)


def test_content_that_is_not_what_it_was_is_never_written(root: Path) -> None:
    for changed in (b"NEW", b"new and more", b""):
        (root.parent / "content").write_bytes(changed)
        with pytest.raises(BottleError, match="damaged"):
            piece(root, root.parent / "content", file("new"), Outcome(side=Side.BOTTLE))
    with pytest.raises(BottleError, match="damaged"):
        piece(root, None, file("new"), Outcome(side=Side.BOTTLE))


def test_a_link_in_the_place_of_the_content_is_not_followed(root: Path) -> None:
    (root.parent / "link").symlink_to(root.parent / "content")

    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        piece(root, root.parent / "link", file("new"), Outcome(side=Side.BOTTLE))


def test_the_host_s_content_with_another_mode(root: Path) -> None:
    (root / "x").write_bytes(b"host's")
    (root / "x").chmod(0o640)

    made = piece(root, None, file("", 0o755), Outcome(side=Side.HOST, executable=True))

    assert made
    assert (made.chunks, made.mode) == ((b"host's",), 0o750)


def test_a_merge_that_ends_as_the_host_has_it_writes_nothing(root: Path) -> None:
    (root / "x").write_bytes(b"new")
    (root.parent / "content").write_bytes(b"")

    assert piece(root, root.parent / "content", file(""), Outcome(side=Side.MERGED)) is None


@pytest.mark.parametrize(("base", "why"), [(None, Reason.BOTH_ADDED), (file("0"), Reason.BOTH_MODIFIED)])
def test_lines_that_do_not_come_together(root: Path, base: Item | None, why: Reason) -> None:
    (root / "x").write_bytes(b"host's")
    outcome = Outcome(side=Side.MERGED, base=blob_id(b"0") if base else "")

    with pytest.raises(RefusedError) as refused:
        piece(root, root.parent / "content", file("new"), outcome, base)
    assert refused.value.reason is why


def test_a_huge_file_is_not_read_to_be_merged(root: Path) -> None:
    (root / "x").touch()
    os.truncate(root / "x", MAX_TEXT + 1)

    with pytest.raises(RefusedError):
        piece(root, None, file("never read"), Outcome(side=Side.MERGED))


def test_where_links_lead() -> None:
    assert leads_out(PurePosixPath("a/l"), "../../x")
    assert leads_out(PurePosixPath("a/l"), "x/..")
    assert not leads_out(PurePosixPath("a/l"), "../x")
    assert not leads_out(PurePosixPath("l"), "..x/y...")
