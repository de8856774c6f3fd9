from pathlib import PurePosixPath

from bottle.tree import Change, Kind, Node
from bottle.workspace.changeset import ChangeSet, Skipped


def test_a_change_set_is_its_changes_and_false_without_any() -> None:
    change = Change(path=PurePosixPath("a"), base=None, new=Node(kind=Kind.FOLDER, mode=0o755))
    assert not ChangeSet(skipped=Skipped(git=3))
    found = ChangeSet(changes=(change,))
    assert found
    assert list(found) == [change]
    assert len(found) == 1
