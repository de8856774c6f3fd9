from pathlib import Path

import pytest

from bottle.proc import Command, run
from bottle.tree import Kind, Node, blob_id
from bottle.workspace.merge import Outcome, Reason, Side, TextMerge, Tracked, three_way
from support.trees import HOST_GIT, Git, Item, Tree, file, link

HOST, BOTTLE, MERGED = (Outcome(side=side) for side in Side)
RUNNABLE = 0o755


@pytest.mark.parametrize(
    ("base", "bottle", "host", "expected"),
    [
        (file("0"), file("1"), file("0"), BOTTLE),
        (file("0"), file("0"), file("1"), HOST),
        (file("0"), file("1"), file("1"), HOST),
        (file("0"), None, file("0"), BOTTLE),
        (file("0"), None, None, HOST),
        (None, file("1"), None, BOTTLE),
        (file("0"), link("1"), file("0"), BOTTLE),
        (file("0"), None, file("1"), Reason.DELETED_IN_BOTTLE),
        (file("0"), file("1"), None, Reason.DELETED_BY_HOST),
        (None, link("1"), file("1"), Reason.BOTH_ADDED),
        (None, file("1"), file("1", RUNNABLE), Reason.BOTH_ADDED),
        (None, file("1"), file("2"), MERGED),
        (link("0"), link("1"), link("2"), Reason.BOTH_MODIFIED),
        (file("0"), link("1"), file("2"), Reason.BOTH_MODIFIED),
        (link("0"), file("1"), file("2"), MERGED),
        (link("0"), file("1"), file("1", RUNNABLE), Reason.BOTH_MODIFIED),
        (file("0"), file("1"), file("2"), Outcome(side=Side.MERGED, base=blob_id(b"0"))),
        (file("0"), file("0", RUNNABLE), file("1"), Outcome(side=Side.HOST, executable=True)),
        (file("0"), file("1"), file("0", RUNNABLE), Outcome(side=Side.BOTTLE, executable=True)),
        (file("0", RUNNABLE), file("1"), file("0", RUNNABLE), BOTTLE),
    ],
)
def test_three_ways(
    base: Item | None, bottle: Item | None, host: Item | None, expected: Outcome | Reason
) -> None:
    nodes = (Tracked.of(item.node if item else None) for item in (base, bottle, host))

    assert three_way(*nodes) == expected


def test_git_records_neither_folders_nor_more_of_a_mode_than_who_may_execute() -> None:
    assert Tracked.of(Node(kind=Kind.FOLDER, mode=0o755)) is None
    assert Tracked.of(Node(kind=Kind.OTHER)) is None
    assert Tracked.of(file("1", 0o600).node) == Tracked.of(file("1", 0o666).node)


BASE = "".join(f"{number}\n" for number in range(9))


@pytest.fixture
def merge(tmp_path: Path) -> TextMerge:
    git = Git.made(tmp_path / "git")
    git.hold(Tree.of({"a": file(BASE)}))
    (tmp_path / "root").mkdir()
    git.attach(tmp_path / "root")
    return TextMerge(tmp_path / "root", HOST_GIT)


def merged(merge: TextMerge, host: str, bottle: str, base: str = blob_id(BASE.encode())) -> str | None:
    content = merge.merged(base, host.encode(), bottle.encode())
    return None if content is None else content.decode()


def test_lines_of_both_sides_come_together(merge: TextMerge) -> None:
    assert merged(merge, "above\n" + BASE, BASE + "below\n") == "above\n" + BASE + "below\n"


@pytest.mark.parametrize(
    ("host", "bottle", "base"),
    [
        (BASE + "one\n", BASE + "other\n", blob_id(BASE.encode())),
        ("\0" + BASE, BASE + "\0", blob_id(BASE.encode())),
        ("above\n" + BASE, BASE + "below\n", blob_id(b"never seen")),
        ("above\n" + BASE, BASE + "below\n", "--help"),
    ],
    ids=["the same lines", "no text", "no base", "no object"],
)
def test_what_cannot_be_merged(merge: TextMerge, host: str, bottle: str, base: str) -> None:
    assert merged(merge, host, bottle, base) is None


def test_a_partial_clone_fetches_nothing_by_its_own_rules(tmp_path: Path, merge: TextMerge) -> None:
    # What a bottle on the live directory can write into .git/config.
    run(Command(argv=("git", "init", "-q", str(tmp_path / "clone"))))
    settings = {
        "remote.o.url": f"ext::touch {tmp_path}/fetched",
        "remote.o.promisor": "true",
        "protocol.ext.allow": "always",
        "extensions.partialClone": "o",
        "core.repositoryFormatVersion": "1",
    }
    for key, value in settings.items():
        run(Command(argv=("git", "-C", str(tmp_path / "clone"), "config", key, value)))

    assert merged(TextMerge(tmp_path / "clone", HOST_GIT), "a", "b", blob_id(b"gone")) is None
    assert not (tmp_path / "fetched").exists()
