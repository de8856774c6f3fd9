import os
from pathlib import Path

import pytest

from bottle.manifest.document import MAX_FILE
from bottle.manifest.files import Folder, is_file, is_folder, open_below
from bottle.manifest.problems import InvalidManifestError


def failure_of(folder: Folder, name: str) -> str:
    with pytest.raises(InvalidManifestError) as raised:
        folder.read(name)
    return str(raised.value)


def test_a_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert Folder.scan(tmp_path / "none").files == {}


def test_a_file_in_the_folders_place_is_empty(tmp_path: Path) -> None:
    (tmp_path / "bottles").touch()

    assert Folder.scan(tmp_path / "bottles").files == {}


@pytest.mark.parametrize("name", ["a.md", "dev-2.md", "a-.md"])
def test_names_of_manifests(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")

    folder = Folder.scan(tmp_path)

    assert folder.files == {name[:-3]: tmp_path / name}
    assert folder.skipped == ()
    assert folder.read(name[:-3]) == b"x"


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "1a.md",
        "a_b.md",
        "a.b.md",
        "a.MD",
        "a.md~",
        "a",
        "a.txt",
        "-a.md",
        ".md",
        ".a.md",
        "ä.md",
    ],
)
def test_other_names_are_skipped_with_a_warning(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    folder = Folder.scan(tmp_path)

    assert folder.files == {}
    assert [problem.location.file.name for problem in folder.skipped] == [name]
    assert "skipped" in str(folder.skipped[0])


def test_a_subfolder_is_skipped_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "team.md").mkdir()

    folder = Folder.scan(tmp_path)

    assert folder.files == {}
    assert "a folder, not a manifest" in str(folder.skipped[0])


@pytest.mark.parametrize("name", [".DS_Store", ".gitkeep"])
def test_what_systems_leave_behind_needs_no_word(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    assert Folder.scan(tmp_path).skipped == ()


def test_a_name_that_would_move_the_cursor_is_shown_escaped(tmp_path: Path) -> None:
    (tmp_path / "\x1b[2J.md").touch()

    assert str(Folder.scan(tmp_path).skipped[0]).isprintable()


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "a.md").open("wb") as file:
        file.truncate(MAX_FILE * 100)

    assert len(Folder.scan(tmp_path).read("a")) == MAX_FILE + 1


def test_a_fifo_does_not_hold_us_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.md")

    assert "is not a regular file" in failure_of(Folder.scan(tmp_path), "a")


def test_a_device_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").symlink_to("/dev/zero")

    assert "is not a regular file" in failure_of(Folder.scan(tmp_path), "a")


@pytest.mark.parametrize("confined", [False, True])
def test_links_that_lead_nowhere(tmp_path: Path, *, confined: bool) -> None:
    (tmp_path / "gone.md").symlink_to("nothing")
    (tmp_path / "loop.md").symlink_to("loop.md")

    folder = Folder.scan(tmp_path, confined_to=tmp_path if confined else None)

    for name in ("gone", "loop"):
        assert "cannot be read" in failure_of(folder, name)


def test_a_file_that_is_gone_by_now(tmp_path: Path) -> None:
    (tmp_path / "a.md").touch()
    folder = Folder.scan(tmp_path)
    (tmp_path / "a.md").unlink()

    assert "cannot be read: No such file or directory" in failure_of(folder, "a")


def test_a_name_too_long_for_the_system_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifestError, match="cannot be read"):
        Folder.scan(tmp_path / ("x" * 300))


def test_the_owners_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles" / "real").write_bytes(b"x")
    (tmp_path / "bottles").mkdir()
    (tmp_path / "bottles" / "a.md").symlink_to(tmp_path / "dotfiles" / "real")

    assert Folder.scan(tmp_path / "bottles").read("a") == b"x"


class Repository:
    """A directory that somebody else filled, beside a file that is none of its business."""

    def __init__(self, root: Path) -> None:
        self.path = root / "repository"
        self.agents = self.path / ".bot-bottle" / "agents"
        self.secret = root / "secret.md"
        self.secret.write_bytes(b"secret")
        self.path.mkdir()

    def read(self) -> bytes:
        return Folder.scan(self.agents, confined_to=self.path).read("a")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_link_within_the_repository_is_followed(repository: Repository) -> None:
    repository.agents.mkdir(parents=True)
    (repository.path / "docs").mkdir()
    (repository.path / "docs" / "agent.md").write_bytes(b"inside")
    (repository.agents / "a.md").symlink_to("../../docs/agent.md")

    assert repository.read() == b"inside"


def test_a_current_directory_that_is_itself_a_link_is_fine(tmp_path: Path, repository: Repository) -> None:
    repository.agents.mkdir(parents=True)
    (repository.agents / "a.md").write_bytes(b"inside")
    (tmp_path / "link").symlink_to(repository.path)
    inside = tmp_path / "link"

    assert Folder.scan(inside / ".bot-bottle/agents", confined_to=inside).read("a") == b"inside"


@pytest.mark.parametrize("relative", [True, False])
def test_a_file_that_leads_out_is_refused(repository: Repository, *, relative: bool) -> None:
    repository.agents.mkdir(parents=True)
    (repository.agents / "a.md").symlink_to("../../../secret.md" if relative else repository.secret)

    with pytest.raises(InvalidManifestError, match="leads out of the current directory"):
        repository.read()


def test_a_folder_that_leads_out_is_refused(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.md").write_bytes(b"secret")
    (repository.path / ".bot-bottle").mkdir()
    repository.agents.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(InvalidManifestError, match="leads out of the current directory"):
        repository.read()


def test_a_dot_folder_that_leads_out_is_refused(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "elsewhere" / "agents").mkdir(parents=True)
    (tmp_path / "elsewhere" / "agents" / "a.md").write_bytes(b"secret")
    (repository.path / ".bot-bottle").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(InvalidManifestError, match="leads out of the current directory"):
        repository.read()


def test_a_sibling_whose_name_begins_alike_is_outside(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "repository-two").mkdir()
    (tmp_path / "repository-two" / "a.md").write_bytes(b"secret")
    repository.agents.mkdir(parents=True)
    (repository.agents / "a.md").symlink_to(tmp_path / "repository-two" / "a.md")

    with pytest.raises(InvalidManifestError, match="leads out of the current directory"):
        repository.read()


@pytest.mark.parametrize("swapped", ["folder", "folder/file"])
def test_what_was_swapped_for_a_link_after_it_was_resolved_is_not_followed(
    tmp_path: Path, swapped: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"secret")
    (tmp_path / "base" / "folder").mkdir(parents=True)
    link = tmp_path / "base" / swapped
    if link.is_dir():
        link.rmdir()
    link.symlink_to(tmp_path / "elsewhere" / swapped.removeprefix("folder").lstrip("/"))

    with pytest.raises(OSError, match=r"Too many levels|Not a directory"):
        open_below(tmp_path / "base", Path("folder/file"), os.O_RDONLY)


def test_looking_at_what_we_may_not_see_is_no_error(tmp_path: Path) -> None:
    too_long = tmp_path / ("x" * 300)

    assert is_folder(tmp_path)
    assert not is_file(tmp_path)
    assert not is_folder(too_long)
    assert not is_file(too_long)
