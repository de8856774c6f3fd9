import os
from pathlib import Path, PurePosixPath

import pytest

from bottle.proc import Command, run
from bottle.tree import Change, Kind, Node, blob_id
from bottle.workspace.changeset import ChangeSet
from bottle.workspace.comparison import Comparison, Difference
from bottle.workspace.git import Git

FOLDER = Node(kind=Kind.FOLDER, mode=0o755)


class Bench:
    """A host's directory and the changes to it, compared."""

    def __init__(self, folder: Path) -> None:
        self.host = folder / "host"
        self.folder = folder / "private"
        self.contents = folder / "contents"
        for made in (self.host, self.folder, self.contents):
            made.mkdir()
        self.changes: list[Change] = []

    def change(
        self, name: str, old: str | None, new: str | None, *, known: bool = True, mode: int = 0o644
    ) -> None:
        """What the host has of it is not touched."""
        content = self.contents / str(len(self.changes))
        content.write_text(new or "")
        base, now = (None if text is None else node(text) for text in (old, new))
        self.changes.append(
            Change(
                path=PurePosixPath(name),
                base=base,
                new=now and Node(kind=Kind.FILE, mode=mode, size=now.size, blob=now.blob),
                base_known=known,
                content=content,
            )
        )

    def plain(self, name: str, base: Node | None, new: Node | None) -> None:
        self.changes.append(Change(path=PurePosixPath(name), base=base, new=new))

    def compared(self) -> Comparison:
        changes = ChangeSet(changes=tuple(self.changes))
        git = Git(environ=os.environ)
        return Comparison.of(changes, source=self.host, git=git, folder=self.folder)


def node(text: str) -> Node:
    content = text.encode()
    return Node(kind=Kind.FILE, mode=0o644, size=len(content), blob=blob_id(content))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def patch(comparison: Comparison) -> str:
    with comparison.repository.diff("--patch") as stream:
        return stream.read().decode()


def brief(difference: Difference) -> tuple[str, str, int | None, int | None]:
    return difference.status, str(difference.path), difference.added, difference.removed


def test_old_contents_are_the_hosts_where_it_has_them_yet(bench: Bench) -> None:
    (bench.host / "edited").write_text("old\n")
    (bench.host / "removed").write_text("gone\n")
    bench.change("edited", "old\n", "new\n")
    bench.change("removed", "gone\n", None)
    bench.change("added", None, "text\n")

    comparison = bench.compared()

    assert [brief(found) for found in comparison.differences()] == [
        ("A", "added", 1, 0), ("M", "edited", 1, 1), ("D", "removed", 0, 1),
    ]  # fmt: skip
    assert "-old\n+new\n" in patch(comparison)
    assert not comparison.conflicts


def test_else_those_of_the_hosts_repository(bench: Bench) -> None:
    run(Command(argv=("git", "init", "--quiet", str(bench.host))))
    (bench.host / "f").write_text("old\n")
    run(Command(argv=("git", "-C", str(bench.host), "add", "f")))
    (bench.host / "f").write_text("of the operator\n")
    bench.change("f", "old\n", "new\n")

    comparison = bench.compared()

    assert "-old\n+new\n" in patch(comparison)
    assert not comparison.conflicts


@pytest.mark.parametrize("known", [True, False])
def test_else_it_is_compared_with_what_the_host_has_now(bench: Bench, known: bool) -> None:  # noqa: FBT001
    (bench.host / "f").write_text("of the operator\n")
    bench.change("f", "old\n" if known else None, "new\n", known=known)

    comparison = bench.compared()

    assert "-of the operator\n+new\n" in patch(comparison)
    assert comparison.conflicts == {PurePosixPath("f")}


def test_nothing_on_the_host_and_a_start_that_is_not_known(bench: Bench) -> None:
    bench.change("f", None, "new\n", known=False)

    comparison = bench.compared()

    assert [brief(found) for found in comparison.differences()] == [("A", "f", 1, 0)]
    assert comparison.conflicts == {PurePosixPath("f")}


def test_renames_binary_files_modes_and_links(bench: Bench) -> None:
    text = "".join(f"{number}\n" for number in range(50))
    (bench.host / "old name").write_text(text)
    (bench.host / "tool").write_text("x\n")
    (bench.host / "link").symlink_to("here")
    bench.change("old name", text, None)
    bench.change("new\nname", None, text + "more\n")
    bench.change("tool", "x\n", "x\n", mode=0o755)
    bench.change("image", None, "\0\1")
    bench.plain("link", Node(kind=Kind.LINK, target="here"), Node(kind=Kind.LINK, target="there"))

    found = {str(difference.path): difference for difference in bench.compared().differences()}

    renamed = found["new\nname"]
    assert (renamed.status, renamed.renamed_from) == ("R", PurePosixPath("old name"))
    assert renamed.similarity is not None
    assert renamed.similarity > 90
    assert "old name" not in found
    assert (found["tool"].old_mode, found["tool"].new_mode) == ("100644", "100755")
    assert found["image"].added is found["image"].removed is None
    assert (found["link"].old_mode, found["link"].status) == ("120000", "M")


def test_what_a_diff_cannot_show_is_told_apart(bench: Bench) -> None:
    (bench.host / "closed").write_text("x\n")
    bench.change("closed", "x\n", "x\n", mode=0o600)
    for name in ("empty", "full"):
        bench.plain(name, None, FOLDER)
    bench.change("full/f", None, "x\n")
    bench.plain("left", FOLDER, None)
    bench.plain("folder mode", FOLDER, Node(kind=Kind.FOLDER, mode=0o700))

    comparison = bench.compared()

    hidden = comparison.hidden()
    assert [(found.status, str(found.path), found.old_mode, found.new_mode) for found in hidden] == [
        ("M", "closed", "100644", "100600"), ("A", "empty", "000000", "040755"),
        ("D", "left", "040755", "000000"), ("M", "folder mode", "040755", "040700"),
    ]  # fmt: skip
    assert [str(found.path) for found in comparison.differences()] == [
        "closed", "empty", "folder mode", "full/f", "left",
    ]  # fmt: skip


def test_a_file_and_a_folder_of_one_name_follow_each_other(bench: Bench) -> None:
    (bench.host / "a").write_text("x\n")
    bench.plain("a", node("x\n"), FOLDER)
    bench.change("a/b", None, "y\n")
    (bench.host / "d").mkdir()
    (bench.host / "d" / "e").write_text("z\n")
    bench.change("d", None, "w\n")
    bench.plain("d/e", node("z\n"), None)

    found = {(difference.status, str(difference.path)) for difference in bench.compared().differences()}

    assert found == {("D", "a"), ("A", "a/b"), ("A", "d"), ("D", "d/e")}
