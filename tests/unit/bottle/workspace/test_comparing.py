import time
from pathlib import Path, PurePosixPath

from attrs import evolve

from bottle.tree import Kind, Node
from bottle.workspace.comparing import OverlayComparer, same
from bottle.workspace.hosttree import HostTree
from bottle.workspace.staging import Found

FILE = Node(kind=Kind.FILE, mode=0o644, size=1, blob="b")
LINK = Node(kind=Kind.LINK, target="t")


def test_nodes_are_alike_in_what_their_kind_is_known_by() -> None:
    assert same(None, None)
    assert same(FILE, evolve(FILE))
    assert same(LINK, evolve(LINK, mode=0o777, size=1, blob="b"))
    others = (
        None,
        LINK,
        evolve(FILE, mode=0o600),
        evolve(FILE, blob="c"),
        Node(kind=Kind.FOLDER, mode=0o644),
    )
    assert not any(same(FILE, other) or same(other, FILE) for other in others)
    assert not same(LINK, evolve(LINK, target="u"))


def test_over_an_overlay_nothing_is_known_of_what_is_mounted_below_it() -> None:
    """The bottle saw an empty folder there: what it did to that is nothing that it did to this."""
    told = [Found(path=PurePosixPath("proc")), Found(path=PurePosixPath("proc/version"), new=FILE)]
    comparer = OverlayComparer(HostTree(Path("/")), time.time_ns())

    found = list(comparer.changes({entry.path: entry for entry in told}))

    assert [(str(change.path), change.base_known, change.base) for change in found] == [
        ("proc", False, None),
        ("proc/version", False, None),
    ]


def test_what_the_operator_cannot_read_is_not_known() -> None:
    """A file that fails each read, also root's."""
    told = {path: Found(path=path) for path in (PurePosixPath("mem"),)}
    comparer = OverlayComparer(HostTree(Path("/proc/self")), time.time_ns() + 10**12)

    (change,) = comparer.changes(told)

    assert not change.base_known
