from pathlib import Path

import pytest
from attrs import evolve

from bottle.errors import BottleError
from bottle.launch.workspace import workspace_of
from bottle.paths import Paths
from bottle.plan import Workspace, WorkspaceMode


def paths(base: Path, *, cwd: str, home: str = "me/.bot-bottle") -> Paths:
    for folder in (cwd, "me"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    return Paths(
        user_home=base / "me", home=base / home, cache=base / "c", runtime=base / "r", cwd=base / cwd
    )


def test_the_current_directory_with_what_stays_out(tmp_path: Path) -> None:
    found = paths(tmp_path, cwd="me/project")
    (found.cwd / ".bottleignore").write_text("target\n")

    assert workspace_of(found, WorkspaceMode.COPY) == Workspace(
        source=found.cwd, mode=WorkspaceMode.COPY, excludes=("target",)
    )


def test_a_directory_is_known_by_its_own_path(tmp_path: Path) -> None:
    found = paths(tmp_path, cwd="me/project")
    (tmp_path / "link").symlink_to("me/project")

    assert workspace_of(paths(tmp_path, cwd="link"), WorkspaceMode.PRIVATE).source == found.cwd


@pytest.mark.parametrize(
    ("cwd", "home", "says"),
    [
        ("me", "me/.bot-bottle", "is your home"),
        (".", "me/.bot-bottle", "has your home in it"),
        ("way/../me/../me", "elsewhere", "is your home"),
        ("me/project", "me/project/state", "lie within each other"),
        ("me/state", "me/state", "lie within each other"),
        ("me/.bot-bottle/native/x", "me/.bot-bottle", "lie within each other"),
    ],
)
@pytest.mark.parametrize("mode", WorkspaceMode)
def test_the_operator_s_home_and_the_bottles_never_come_in(
    tmp_path: Path, cwd: str, home: str, says: str, mode: WorkspaceMode
) -> None:
    (tmp_path / "way").mkdir()
    with pytest.raises(BottleError, match=says) as caught:
        workspace_of(paths(tmp_path, cwd=cwd, home=home), mode)

    assert caught.value.hint


@pytest.mark.parametrize("ours", ["cache", "runtime"])
def test_what_is_mounted_has_no_program_and_no_socket_of_ours_in_it(tmp_path: Path, ours: str) -> None:
    """An agent that could write the cache would have its own code run on the host."""
    found = paths(tmp_path, cwd="me/project")
    place = {ours: found.cwd / "x"}

    assert workspace_of(evolve(found, **place), WorkspaceMode.PRIVATE).source == found.cwd
    with pytest.raises(BottleError, match="lie within each other"):
        workspace_of(evolve(found, **place), WorkspaceMode.MOUNT)


def test_the_root_of_all_never_comes_in(tmp_path: Path) -> None:
    """Not even where the home that the environment names is a link to somewhere else."""
    (tmp_path / "link").symlink_to(tmp_path)
    found = Paths(
        user_home=tmp_path / "link", home=tmp_path / "h", cache=tmp_path, runtime=tmp_path, cwd=Path("/")
    )
    with pytest.raises(BottleError, match="has your home"):
        workspace_of(found, WorkspaceMode.PRIVATE)
