"""The archive is the agent's; each way known to lead an extraction out of its folder is tried."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from attrs import define, field

from bottle.launch.unpack import HostileArchiveError, unpack


@define
class Archive:
    """A tar file, member by member, as hostile as one likes."""

    stream: io.BytesIO = field(factory=io.BytesIO)

    def add(
        self,
        name: str,
        kind: bytes = tarfile.REGTYPE,
        *,
        content: bytes = b"",
        link: str = "",
        mode: int = 0o644,
    ) -> "Archive":
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.mode, member.size = kind, link, mode, len(content)
        self.stream.write(member.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512))
        return self

    def unpack(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        unpack(io.BytesIO(self.stream.getvalue() + bytes(1024)), folder)
        return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outer" / "folder"


def test_files_folders_and_links_come_as_they_are(folder: Path) -> None:
    archive = Archive().add("out", tarfile.DIRTYPE, mode=0o755).add("out/a", content=b"a" * 5000)
    archive.add("out/run", content=b"#!", mode=0o755).add("out/hard", tarfile.LNKTYPE, link="out/a")
    archive.add("out/sub", tarfile.DIRTYPE).add("out/sub/soft", tarfile.SYMTYPE, link="../a")
    archive.unpack(folder)

    assert (folder / "out/a").read_bytes() == b"a" * 5000
    assert (folder / "out/run").stat().st_mode & 0o777 == 0o755
    assert (folder / "out/hard").samefile(folder / "out/a")
    assert (folder / "out/sub/soft").readlink() == Path("../a")
    assert (folder / "out/sub/soft").read_bytes() == b"a" * 5000


def test_a_real_tar_of_a_real_folder_comes_whole(tmp_path: Path, folder: Path) -> None:
    source = tmp_path / "source"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "er" / ("long" * 60)).write_text("x")
    (source / "deep" / os.fsdecode(b"\xff")).write_text("y")
    (source / "dangling").symlink_to("deep/none")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(source, "source")
    stream.seek(0)
    folder.mkdir(parents=True)
    unpack(stream, folder)
    names = {str(path.relative_to(folder / "source")) for path in (folder / "source").rglob("*")}

    assert names == {str(path.relative_to(source)) for path in source.rglob("*")}


@pytest.mark.parametrize("name", ["/abs", "../up", "a/../../up", "a/..", "..", "//x", "./../x"])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_name_that_leads_out_is_refused(folder: Path, name: str, kind: bytes) -> None:
    with pytest.raises(HostileArchiveError):
        Archive().add("in").add(name, kind, link="in").unpack(folder)

    assert os.listdir(folder.parent) == ["folder"]  # noqa: PTH208 - names


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("l", "/etc/passwd"), ("l", ".."), ("l", "../x"), ("a/l", "../../x"), ("l", "a/../../x"),
        ("l", "a/.."), ("a/b/l", "../../../x"), ("l", "./../x"), ("l", "//x"),
    ],
)  # fmt: skip
def test_a_link_that_may_lead_out_is_left_out(folder: Path, name: str, target: str) -> None:
    Archive().add("a/b", tarfile.DIRTYPE).add(name, tarfile.SYMTYPE, link=target).unpack(folder)

    assert not os.path.lexists(folder / name)


def test_links_that_only_together_lead_out_are_left_out(folder: Path) -> None:
    archive = Archive().add("d", tarfile.SYMTYPE, link=".").add("l", tarfile.SYMTYPE, link="d/../secret")
    archive.unpack(folder)

    assert os.path.lexists(folder / "d")
    assert not os.path.lexists(folder / "l")


@pytest.mark.parametrize("target", [".", "in", "d", "../outer2", "/tmp"])
def test_nothing_is_written_through_a_link(folder: Path, target: str) -> None:
    archive = Archive().add("d", tarfile.SYMTYPE, link=target).add("d/file", content=b"x")
    with pytest.raises(HostileArchiveError) if target in {".", "in", "d"} else _nothing():
        archive.unpack(folder)

    assert os.listdir(folder.parent) == ["folder"]  # noqa: PTH208 - names
    assert not (Path("/tmp") / "file").exists()


def test_nothing_is_written_through_a_very_long_chain_of_links(folder: Path) -> None:
    """The shape of CVE-2025-4517: a path too long to be resolved, whose rest is then taken at its word."""
    archive, step, path = Archive(), "d" * 247, ""
    for letter in "abcdefghijklmnop":
        archive.add(f"{path}{step}", tarfile.DIRTYPE).add(f"{path}{letter}", tarfile.SYMTYPE, link=step)
        path += f"{letter}/"
    archive.add(f"{path}{'l' * 254}", tarfile.SYMTYPE, link="../" * 16)
    archive.add("escape", tarfile.SYMTYPE, link=f"{path}{'l' * 254}/../../etc")
    archive.add("escape/file", content=b"x")
    with pytest.raises(HostileArchiveError):
        archive.unpack(folder)

    assert os.listdir(folder.parent) == ["folder"]  # noqa: PTH208 - names


def test_a_hard_link_to_a_file_of_the_host_is_refused(folder: Path) -> None:
    (folder.parent).mkdir(parents=True)
    (folder.parent / "secret").write_text("")
    for link in ("../secret", str(folder.parent / "secret"), "none"):
        with pytest.raises(HostileArchiveError):
            Archive().add("l", tarfile.LNKTYPE, link=link).unpack(folder)


def test_a_hard_link_to_a_link_is_a_link(folder: Path) -> None:
    archive = Archive().add("s", tarfile.SYMTYPE, link="x").add("h", tarfile.LNKTYPE, link="s")
    archive.add("a/h", tarfile.LNKTYPE, link="s").unpack(folder)

    assert (folder / "h").readlink() == (folder / "a" / "h").readlink() == Path("x")


def test_devices_and_pipes_are_left_out(folder: Path) -> None:
    archive = Archive().add("keep", content=b"k")
    for name, kind in (("char", tarfile.CHRTYPE), ("block", tarfile.BLKTYPE), ("pipe", tarfile.FIFOTYPE)):
        archive.add(name, kind)
    archive.unpack(folder)

    assert os.listdir(folder) == ["keep"]  # noqa: PTH208 - names


@pytest.mark.parametrize("mode", [0o7777, 0o4755, 0o2755, 0o1777, 0o0000])
def test_no_special_bit_and_no_right_of_others_to_write_comes_along(folder: Path, mode: int) -> None:
    Archive().add("d", tarfile.DIRTYPE, mode=mode).add("d/f", mode=mode).unpack(folder)

    for path in (folder / "d", folder / "d" / "f"):
        assert path.stat().st_mode & 0o7022 == 0
        assert path.stat().st_mode & 0o600 == 0o600


def test_a_file_does_not_replace_another_nor_a_link(folder: Path) -> None:
    for first, second in (
        (tarfile.REGTYPE, tarfile.REGTYPE),
        (tarfile.DIRTYPE, tarfile.REGTYPE),
        (tarfile.REGTYPE, tarfile.DIRTYPE),
        (tarfile.SYMTYPE, tarfile.REGTYPE),
    ):
        target = folder / f"{first!r}{second!r}"
        with pytest.raises(HostileArchiveError):
            Archive().add("x", first, link="y").add("x", second).unpack(target)


def test_a_sparse_file_which_may_claim_any_size_is_refused(folder: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("huge")
        member.pax_headers = {
            "GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "huge",
            "GNU.sparse.map": "1125899906842624,0", "GNU.sparse.size": "1125899906842624",
        }  # fmt: skip
        archive.addfile(member)
    stream.seek(0)
    folder.mkdir(parents=True)
    with pytest.raises(HostileArchiveError, match="sparse"):
        unpack(stream, folder)


@pytest.mark.parametrize("data", [b"", b"no tar at all" * 100, bytes(10), b"\xff" * 2048])
def test_what_is_no_archive_is_refused(folder: Path, data: bytes) -> None:
    folder.mkdir(parents=True)
    with pytest.raises(HostileArchiveError):
        unpack(io.BytesIO(data), folder)


def test_an_archive_that_is_cut_off_is_refused(folder: Path) -> None:
    archive = Archive().add("a", content=b"x" * 5000)
    folder.mkdir(parents=True)
    with pytest.raises(HostileArchiveError):
        unpack(io.BytesIO(archive.stream.getvalue()[:2000]), folder)


def _nothing() -> "io.StringIO":
    return io.StringIO()
