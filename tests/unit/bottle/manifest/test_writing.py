from pathlib import Path

import pytest

from bottle.errors import BottleError
from bottle.manifest.writing import ChangedMeanwhileError, replace_file, write_together


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_files_and_folders_are_made_private(tmp_path: Path) -> None:
    write_together({tmp_path / "h/b/x.md": b"1", tmp_path / "h/a/x.md": b"2"})

    assert tree(tmp_path) == {"h/a/x.md": b"2", "h/b/x.md": b"1"}
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("h", "h/a", "h/b/x.md")] == [
        0o700,
        0o700,
        0o600,
    ]


def test_one_that_exists_keeps_all_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.md").write_bytes(b"mine")
    with pytest.raises(BottleError, match=r"a/x\.md exists already; nothing was written"):
        write_together({tmp_path / "b/x.md": b"1", tmp_path / "a/x.md": b"2"})

    assert tree(tmp_path) == {"a/x.md": b"mine"}
    assert not (tmp_path / "b").exists()


def test_one_that_fails_late_brings_the_others_back(tmp_path: Path) -> None:
    old = tmp_path / "old.md"
    old.write_bytes(b"old")
    old.chmod(0o640)
    (tmp_path / "mine.md").write_bytes(b"mine")
    files = {old: b"new", tmp_path / "fresh.md": b"x", tmp_path / "mine.md": b"y"}
    with pytest.raises(BottleError):
        write_together(files, replacing=[old])

    assert tree(tmp_path) == {"old.md": b"old", "mine.md": b"mine"}
    assert old.stat().st_mode & 0o777 == 0o640


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "h").write_text("")
    with pytest.raises(BottleError, match=r"cannot be written: .*h is not a folder"):
        write_together({tmp_path / "h/b/x.md": b"1"})


def test_a_link_is_written_through_only_where_it_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.md").write_bytes(b"old")
    link = tmp_path / "link.md"
    link.symlink_to("real.md")
    with pytest.raises(BottleError):
        write_together({link: b"new"})
    assert tree(tmp_path)["real.md"] == b"old"
    write_together({link: b"new"}, replacing=[link])

    assert link.is_symlink()
    assert tree(tmp_path) == {"link.md": b"new", "real.md": b"new"}


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    link = tmp_path / "link.md"
    link.symlink_to("elsewhere.md")
    with pytest.raises(BottleError):
        write_together({link: b"new"})

    assert [path.name for path in tmp_path.iterdir()] == ["link.md"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o440])
def test_an_edited_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "x.md"
    file.write_bytes(b"old")
    file.chmod(mode)
    replace_file(file, b"new", expected=b"old")

    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", mode)
    assert [path.name for path in tmp_path.iterdir()] == ["x.md"]


@pytest.mark.parametrize("now", [b"other", None])
def test_what_somebody_else_did_meanwhile_is_kept(tmp_path: Path, now: bytes | None) -> None:
    file = tmp_path / "x.md"
    if now is not None:
        file.write_bytes(now)
    with pytest.raises(ChangedMeanwhileError, match="by somebody else meanwhile"):
        replace_file(file, b"new", expected=b"old")

    assert tree(tmp_path) == ({} if now is None else {"x.md": now})
