"""What comes out of a bottle may be hostile, and the directory may hold anything: judged, never followed."""

import os
import socket
from pathlib import Path, PurePosixPath

import pytest
from attrs import evolve

from bottle.tree import Change, Kind, Node
from bottle.workspace.directory import Directory
from bottle.workspace.merge import Reason, TextMerge
from bottle.workspace.pieces import Pieces
from bottle.workspace.planner import Plan, Planner
from support.trees import FOLDER, HOST_GIT, Item, Tree, file, fingerprint, link


class FoldingDirectory(Directory):
    """As on macOS or Windows."""

    def folds(self, path: PurePosixPath) -> bool:
        return True


class ElsewhereDirectory(Directory):
    """Whatever is in it lies on another file system than its root."""

    @property
    def device(self) -> int:
        return -1


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    return tmp_path / "root"


def planned(root: Path, *changes: Change, kind: type[Directory] = Directory) -> Plan:
    """The plan; making it writes nothing."""
    before = fingerprint(root.parent)
    with kind(root) as tree:
        plan = Planner(tree, Pieces(tree=tree, merge=TextMerge(root, HOST_GIT), umask=0o022)).plan(changes)
    assert fingerprint(root.parent) == before
    return plan


NEW = file("new")


def added(name: str, item: Item = NEW) -> Change:
    """Its content is never read here."""
    return Change(path=PurePosixPath(name), base=None, new=item.node)


def changed(name: str, base: Item, new: Item | None) -> Change:
    return Change(path=PurePosixPath(name), base=base.node, new=new.node if new else None)


def reasons(plan: Plan) -> dict[str, Reason]:
    return {str(conflict.path): conflict.reason for conflict in plan.conflicts}


def exchanged(plan: Plan) -> list[str]:
    return [str(exchange.path) for exchange in plan.exchanges]


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/x", ".git/hooks/x", "a/.GIT/x", "git~1/x", "a\0b", "."]
)
def test_names_that_lead_elsewhere(root: Path, name: str) -> None:
    plan = planned(root, added(name))

    assert list(reasons(plan).values()) == [Reason.NAME]
    assert not plan.exchanges


def test_one_conflict_is_enough_for_nothing_to_be_done(root: Path) -> None:
    plan = planned(root, added("good"), added("../x"), added(".git"))

    assert reasons(plan) == {"../x": Reason.NAME, ".git": Reason.NAME}
    assert not plan.exchanges


def test_a_link_of_the_host_is_not_walked_through(root: Path) -> None:
    (root / "way").symlink_to(root.parent / "outside")

    plan = planned(root, added("way/new"), changed("way/gone", file("0"), None), added("way/folder", FOLDER))

    assert reasons(plan) == {"way/new": Reason.LINK_IN_THE_WAY, "way/folder": Reason.LINK_IN_THE_WAY}


def test_a_link_in_the_place_of_a_file_is_not_followed(root: Path) -> None:
    (root.parent / "outside/secret").write_text("0")
    (root / "file").symlink_to(root.parent / "outside/secret")

    plan = planned(root, changed("file", file("0"), file("1")), added("link", link("x")))

    assert reasons(plan) == {"file": Reason.BOTH_MODIFIED}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("l", "/etc/passwd"),
        ("l", "../x"),
        ("l", ".."),
        ("a/b/l", "../../../x"),
        ("a/l", "./.././../x"),
        ("a/l", "x/../y"),
        ("l", "//x"),
        ("l", ""),
    ],
)
def test_links_that_may_lead_out(root: Path, name: str, target: str) -> None:
    assert Reason.LEADS_OUT in reasons(planned(root, added(name, link(target)))).values()


def test_links_that_stay_inside_and_one_that_was_there_before(root: Path) -> None:
    (root / "old").symlink_to("/etc/passwd")
    plan = planned(
        root,
        changed("old", link("/etc/passwd"), evolve(link("/etc/passwd"), mode=0o700)),
        added("a/b/l", link("../../x")),
        added("here", link(".")),
        added("nowhere", link("not/there")),
    )

    assert exchanged(plan) == ["a", "a/b", "a/b/l", "here", "nowhere"]


def test_a_link_out_and_a_file_below_it(root: Path) -> None:
    plan = planned(root, added("way", link("a")), added("way/file"))

    assert reasons(plan) == {"way/file": Reason.CLASH}


@pytest.mark.parametrize("kind", [FoldingDirectory, Directory])
def test_names_that_differ_by_case_or_composition(root: Path, kind: type[Directory]) -> None:
    (root / "Readme").write_text("")
    names = ("README", "new/\u00e9", "new/e\u0301", "other")

    plan = planned(root, *(added(name) for name in names), kind=kind)

    if kind is FoldingDirectory:
        assert reasons(plan) == dict.fromkeys(("README", "new/e\u0301", "new/\u00e9"), Reason.CASE)
    else:
        pairs = {(str(one), str(other)) for one, other in plan.alike}
        assert pairs == {("README", "Readme"), ("new/e\u0301", "new/\u00e9"), ("new/\u00e9", "new/e\u0301")}
        assert not plan.conflicts


def test_a_change_of_case_alone_is_no_clash(root: Path) -> None:
    (root / "Readme").write_text("0")

    plan = planned(
        root, added("README", file("0")), changed("Readme", file("0"), None), kind=FoldingDirectory
    )

    assert exchanged(plan) == ["Readme", "README"]


def test_devices_pipes_and_sockets_neither_come_nor_go(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    os.mkfifo(root / "was file")

    plan = planned(
        root,
        Change(path=PurePosixPath("null"), base=None, new=Node(kind=Kind.OTHER, mode=0o666)),
        added("pipe"),
        added("socket/below"),
        changed("was file", file("0"), None),
        added("was file/below"),
    )

    assert reasons(plan) == dict.fromkeys(("null", "pipe", "socket/below", "was file/below"), Reason.SPECIAL)


def test_a_folder_against_a_file_and_the_reverse(root: Path) -> None:
    Tree.of({"file": file("host's"), "folder/host's": file()}).write(root)

    plan = planned(root, added("file", FOLDER), added("file/x"), added("folder"))

    assert reasons(plan) == dict.fromkeys(("file", "file/x", "folder"), Reason.CLASH)


def test_what_the_host_keeps_in_a_folder_keeps_the_folder(root: Path) -> None:
    Tree.of({"a/known": file("0"), "a/ignored": file(), "b/known": file("0"), "b/.git/config": file()}).write(
        root
    )
    gone = [changed(name, FOLDER, None) for name in ("a", "b")]
    gone += [changed(name, file("0"), None) for name in ("a/known", "b/known")]

    assert exchanged(planned(root, *gone)) == ["a/known", "b/known"]
    replaced = planned(root, *gone[1:], changed("a", FOLDER, file("1")))
    assert reasons(replaced) == {"a": Reason.CLASH}


@pytest.mark.parametrize(
    ("new", "host", "mode"),
    [
        (file("1", 0o6755), None, 0o755),
        (file("1", 0o7777), None, 0o755),
        (file("1", 0o666), None, 0o644),
        (file("1", 0o000), None, 0o600),
        (file("1", 0o600), None, 0o600),
        (file("1", 0o644), 0o4755, 0o644),
        (file("1", 0o755), 0o6755, 0o755),
        (file("1", 0o755), 0o640, 0o750),
        (file("1", 0o777), 0o664, 0o775),
        (file("1", 0o644), 0o444, 0o444),
        (evolve(FOLDER, mode=0o7777), None, 0o755),
        (evolve(FOLDER, mode=0o000), None, 0o700),
    ],
)
def test_modes(root: Path, new: Item, host: int | None, mode: int) -> None:
    change = added("x", new)
    if host is not None:
        (root / "x").write_text("0")
        (root / "x").chmod(host)
        change = changed("x", file("0", host & 0o777), new)

    (exchange,) = planned(root, change).exchanges

    assert exchange.new
    assert oct(exchange.new.mode) == oct(mode)


def test_huge_names(root: Path) -> None:
    deep = "/".join(["d" * 250] * 20)
    plan = planned(root, added("n" * 255), added("n" * 256), added("\U0001f600" * 64), added(deep))

    assert reasons(plan) == {"n" * 256: Reason.DENIED, "\U0001f600" * 64: Reason.DENIED}


def test_another_file_system_below_the_root(root: Path) -> None:
    Tree.of({"mounted/old": file("0")}).write(root)

    plan = planned(
        root, added("mounted/new"), changed("mounted/old", file("0"), None), kind=ElsewhereDirectory
    )

    assert set(reasons(plan).values()) == {Reason.OTHER_DISK}
    assert set(reasons(plan)) == {"mounted/new", "mounted/old"}


@pytest.mark.parametrize(
    ("new", "host", "conflicts"),
    [
        (file("1"), file("1"), 0),
        (None, None, 0),
        (FOLDER, FOLDER, 0),
        (FOLDER, None, 0),
        (file("1"), file("2"), 1),
        (file("1"), None, 1),
        (None, file("1"), 1),
        (None, FOLDER, 1),
        (FOLDER, file("1"), 1),
        (file("1"), FOLDER, 1),
    ],
)
def test_without_a_base_only_what_is_the_same_anyway_is_no_conflict(
    root: Path, new: Item | None, host: Item | None, conflicts: int
) -> None:
    if host:
        Tree.of({"x": host}).write(root)
    change = Change(path=PurePosixPath("x"), base=None, new=new.node if new else None, base_known=False)

    plan = planned(root, change)

    assert reasons(plan) == ({"x": Reason.UNKNOWN_BASE} if conflicts else {})
    assert not plan.exchanges


def test_what_runs_by_itself_is_told_of_what_comes_alone(root: Path) -> None:
    Tree.of({".envrc": file("0")}).write(root)

    plan = planned(root, added(".husky/x"), changed(".envrc", file("0"), None), added("src/main.py"))

    assert [str(path) for path in plan.running()] == [".husky/x"]


def test_what_the_bottle_was_just_writing_is_a_conflict(root: Path) -> None:
    with Directory(root) as tree:
        planner = Planner(tree, Pieces(tree=tree, merge=TextMerge(root, HOST_GIT), umask=0o022))
        plan = planner.plan([added("x"), added("y")], unsettled={PurePosixPath("x")})

    assert reasons(plan) == {"x": Reason.UNSETTLED}
