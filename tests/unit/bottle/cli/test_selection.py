import os
from pathlib import Path, PurePosixPath

import pytest

from bottle.cli.selection import selected
from bottle.errors import UsageError
from bottle.launch.keeping import record_of
from bottle.launch.workspaces import HeldWorkspace
from bottle.workspace.origin import How, Origin
from support.fakes import FakeBottle
from support.plans import IDENTITY, plan

SOURCE = Path("/home/me/project")
FILES = ("d/a.py", "d/b.txt", "e/c.py", "de", "[x]")
HELD = HeldWorkspace(
    record=record_of(plan()),
    bottle=FakeBottle(identity=IDENTITY, calls=[]),
    origin=Origin(folder=Path("/nowhere"), source=str(SOURCE), how=How.OVERLAY, started_ns=0),
    environ=os.environ,
    limit=0,
)


def chosen(*words: str, cwd: Path = Path("/")) -> str:
    wanted = selected(HELD, cwd, words)
    return " ".join(name for name in FILES if wanted(PurePosixPath(name)))


@pytest.mark.parametrize("word", ["d", "d/", "./d", "e/../d", "/workspace/d", "/home/me/project/d"])
def test_a_folder_stands_for_all_below_it(word: str) -> None:
    assert chosen(word) == "d/a.py d/b.txt"


def test_where_the_operator_stands_counts() -> None:
    assert chosen("a.py", "../e", cwd=SOURCE / "d") == "d/a.py e/c.py"
    assert chosen("d/a.py", cwd=SOURCE.parent) == "d/a.py"


def test_a_pattern_goes_over_folders_and_a_name_may_look_like_one() -> None:
    assert chosen("*.py") == "d/a.py e/c.py"
    assert chosen("?/c.*") == "e/c.py"
    assert chosen("*.py", cwd=SOURCE / "d") == "d/a.py"
    assert chosen("[x]") == "[x]"


@pytest.mark.parametrize("words", [(), (".",), ("d", "."), ("/workspace",), (str(SOURCE),)])
def test_nothing_and_the_top_stand_for_everything(words: tuple[str, ...]) -> None:
    assert chosen(*words) == " ".join(FILES)


@pytest.mark.parametrize("word", ["../x", "/etc", "d/../../x", "/workspaces"])
def test_what_is_outside_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="is not in the workspace, which began as /home/me/project"):
        chosen(word)


def test_nothing_that_is_not_there_is_chosen() -> None:
    assert chosen("none") == ""
