import stat
from pathlib import Path

import pytest

from bottle.backends.native.layer import Layer, owner_of
from bottle.plan import How, Workspace, WorkspaceMode


def ways(
    base: Path, *, owner: tuple[int, int] | None, mode: WorkspaceMode = WorkspaceMode.PRIVATE
) -> list[How]:
    workspace = Workspace(source=base, mode=mode)
    return [arrival.how for arrival in Layer(box=base).ways(workspace, owner=owner)]


def test_a_layer_is_tried_first_and_a_copy_where_there_was_none(tmp_path: Path) -> None:
    assert ways(tmp_path, owner=None) == [How.OVERLAY, How.COPY]
    assert ways(tmp_path, owner=owner_of(Workspace(source=tmp_path))) == [How.OVERLAY]


def test_what_could_not_be_the_agent_s_is_copied_and_why_is_said(tmp_path: Path) -> None:
    (arrival,) = Layer(box=tmp_path).ways(Workspace(source=tmp_path), owner=(54321, 54321))

    assert (arrival.how, arrival.note) == (
        How.COPY,
        "copied, since it belongs to another user or group than yours",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("mode", "how"), [(WorkspaceMode.COPY, How.COPY), (WorkspaceMode.MOUNT, How.MOUNT)])
def test_what_was_asked_for_is_all_there_is(tmp_path: Path, mode: WorkspaceMode, how: How) -> None:
    assert ways(tmp_path, owner=None, mode=mode) == [how]
    assert list(tmp_path.iterdir()) == []


def test_without_a_directory_there_is_an_empty_one(tmp_path: Path) -> None:
    assert [arrival.how for arrival in Layer(box=tmp_path).ways(None, owner=None)] == [How.COPY]


def made(base: Path, *excludes: str) -> Layer:
    for name in ("out/a/b", "src/deep/x.o", "src/x.c"):
        (base / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        (base / "here" / name).touch()
    (base / "here" / "src").chmod(0o2751)
    (base / "here").chmod(0o555)
    layer = Layer(box=base)

    assert layer.make(Workspace(source=base / "here", excludes=excludes))
    return layer


def test_what_stays_out_is_hidden_in_folders_like_the_host_s(tmp_path: Path) -> None:
    upper, work = made(tmp_path, "out", "**/*.o").folders

    assert sorted(str(path.relative_to(upper)) for path in upper.rglob("*")) == [
        "out", "src", "src/deep", "src/deep/x.o",
    ]  # fmt: skip
    for name in ("out", "src/deep/x.o"):
        status = (upper / name).lstat()
        assert (stat.S_ISCHR(status.st_mode), status.st_rdev) == (True, 0)
    assert (upper / "src").stat().st_mode & 0o7777 == 0o751
    assert upper.stat().st_mode & 0o777 == 0o755
    assert list(work.iterdir()) == []


def test_what_may_come_is_hidden_beforehand_where_its_name_is_known(tmp_path: Path) -> None:
    """Below a folder that is not there yet, nothing is made: it would show up inside."""
    patterns = (".env", "src/secret", "out", "out/more", "none/secret", "*.pem", "kept", "!kept", "../x", "/")
    upper, _ = made(tmp_path, *patterns).folders

    assert sorted(str(path.relative_to(upper)) for path in upper.rglob("*")) == [
        ".env", "out", "src", "src/secret",
    ]  # fmt: skip
    assert stat.S_ISCHR((upper / ".env").lstat().st_mode)


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path)
    upper, _ = made(tmp_path, "link/secret").folders

    assert list(upper.iterdir()) == []


def test_one_that_is_there_keeps_what_it_has(tmp_path: Path) -> None:
    layer = made(tmp_path)
    upper = layer.folders[0]
    (upper / "changed").write_text("by the agent")

    assert not layer.make(Workspace(source=tmp_path / "here", excludes=("out",)))
    assert [path.name for path in upper.iterdir()] == ["changed"]
    layer.discard()
    assert [folder.exists() for folder in layer.folders] == [False, False]
