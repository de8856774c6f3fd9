import os
import socket
import tarfile
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import IO

import pytest

from bottle.errors import BottleError
from bottle.launch.seed import environment_archive, home_archive, with_environment
from bottle.plan import AGENT_HOME, SeedFile, SeedTree
from bottle.proc import Command, run
from support.plans import plan


def unpacked(archive: AbstractContextManager[IO[bytes]], target: Path) -> dict[str, tarfile.TarInfo]:
    target.mkdir()
    with archive as stream, tarfile.open(fileobj=stream, mode="r|") as members:
        found = {}
        for member in members:
            members.extract(member, target)
            found[member.name] = member
        return found


def test_seed_files_have_their_content_mode_and_private_folders(tmp_path: Path) -> None:
    files = (
        SeedFile(path=AGENT_HOME / ".claude" / "deep" / "settings.json", content=b"{}"),
        SeedFile(path=AGENT_HOME / ".profile", content=b"x", mode=0o644),
    )
    found = unpacked(home_archive(plan(seed_files=files)), tmp_path / "home")

    assert {name: oct(member.mode) for name, member in found.items()} == {
        ".claude": "0o700",
        ".claude/deep": "0o700",
        ".claude/deep/settings.json": "0o600",
        ".profile": "0o644",
    }
    assert (tmp_path / "home" / ".claude" / "deep" / "settings.json").read_bytes() == b"{}"


def skill(tmp_path: Path) -> SeedTree:
    folder = tmp_path / "skills" / "review"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text("how to")
    (folder / "link").symlink_to("/etc/passwd")
    return SeedTree(source=folder, target=AGENT_HOME / ".claude" / "skills" / "review")


def test_a_skill_comes_with_its_links_as_links(tmp_path: Path) -> None:
    found = unpacked(home_archive(plan(seed_trees=(skill(tmp_path),))), tmp_path / "home")

    assert (tmp_path / "home/.claude/skills/review/SKILL.md").read_text() == "how to"
    assert found[".claude/skills/review/link"].issym()


def test_no_host_file_comes_along_behind_a_link(tmp_path: Path) -> None:
    tree = skill(tmp_path)
    secret = tmp_path / "secrets"
    secret.mkdir()
    (secret / "key").write_text("KEEP-OUT")
    (tree.source / "up").symlink_to("../../secrets/key")
    (tree.source / "folder").symlink_to(secret)
    (tree.source / "deep").mkdir()
    (tree.source / "deep" / "SKILL.md").symlink_to(secret / "key")
    with home_archive(plan(seed_trees=(tree,))) as stream:
        assert b"KEEP-OUT" not in stream.read()


def test_only_files_folders_and_links_of_a_skill_come_along(tmp_path: Path) -> None:
    tree = skill(tmp_path)
    os.mkfifo(tree.source / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tree.source / "socket"))
        found = unpacked(home_archive(plan(seed_trees=(tree,))), tmp_path / "home")

    assert {name.removeprefix(".claude/skills/review").lstrip("/") for name in found} == {
        "",
        "SKILL.md",
        "link",
    }


def test_a_skill_has_no_owner_and_can_be_changed_by_the_agent(tmp_path: Path) -> None:
    """Its origin may be read-only, as in a package store: the copy must be removable, too."""
    tree = skill(tmp_path)
    (tree.source / "run.sh").write_text("")
    (tree.source / "run.sh").chmod(0o4555)
    (tree.source / "SKILL.md").chmod(0o444)
    tree.source.chmod(0o555)
    found = unpacked(home_archive(plan(seed_trees=(tree,))), tmp_path / "home")
    tree.source.chmod(0o755)
    skills = ".claude/skills/review"

    assert [oct(found[name].mode) for name in (skills, f"{skills}/SKILL.md", f"{skills}/run.sh")] == [
        "0o755",
        "0o644",
        "0o755",
    ]
    assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in found.values()} == {(0, 0, "", "")}


def test_a_skill_that_is_itself_a_link_comes_as_the_folder_behind_it(tmp_path: Path) -> None:
    """As a dotfiles repository makes them: a link would lead nowhere in the bottle."""
    tree = skill(tmp_path)
    link = tmp_path / "linked"
    link.symlink_to(tree.source)
    linked = SeedTree(source=link, target=tree.target)
    found = unpacked(home_archive(plan(seed_trees=(linked,))), tmp_path / "home")

    assert found[".claude/skills/review"].isdir()
    assert found[".claude/skills/review/SKILL.md"].isfile()


def test_a_skill_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    tree = SeedTree(source=tmp_path / "gone", target=AGENT_HOME / "x")
    with pytest.raises(BottleError, match=f"the skill folder {tmp_path}/gone cannot be read"):
        unpacked(home_archive(plan(seed_trees=(tree,))), tmp_path / "home")


ENVIRONMENT = {
    "PLAIN": "value",
    "QUOTES": 'it\'s "quoted" $HOME `id` $(id) \\ \n second line\t!',
    "EMPTY": "",
    "DASH": "-n",
    "LATIN": "caf\udce9",
    "UNICODE": "ä€😀",
}


def test_every_value_reaches_a_command_as_it_is(tmp_path: Path) -> None:
    found = unpacked(environment_archive(ENVIRONMENT), tmp_path / "run")
    (file,) = found
    argv = with_environment(("env", "-0"))
    script = argv[2].replace(f"/run/{file}", str(tmp_path / "run" / file))
    done = run(Command(argv=(*argv[:2], script, *argv[3:]), env={"PATH": "/usr/bin:/bin"}))
    seen = dict(entry.split(b"=", 1) for entry in done.stdout.split(b"\0") if entry)

    assert oct(found[file].mode) == "0o400"
    for name, value in ENVIRONMENT.items():
        assert seen[name.encode()] == value.encode(errors="surrogateescape"), name


def test_the_agent_s_variables_touch_no_disk() -> None:
    with environment_archive({"SECRET": "value"}) as stream:
        assert Path(f"/proc/self/fd/{stream.fileno()}").readlink().parts[1].startswith("memfd:")


def test_the_command_keeps_its_words_apart() -> None:
    argv = with_environment(("printf", "%s|", "a b", "", "$x", "--"))
    done = run(Command(argv=("sh", "-c", 'exec "$@"', "sh", *argv[3:][1:])))

    assert done.stdout == b"a b||$x|--|"
    assert argv[:2] == ("/bin/sh", "-c")
    assert PurePosixPath("/run") in PurePosixPath(argv[2].split()[1].rstrip(";")).parents


def test_what_the_cli_made_its_own_is_not_written_over_by_a_resume(tmp_path: Path) -> None:
    files = (
        SeedFile(path=AGENT_HOME / ".claude.json", content=b"{}", once=True),
        SeedFile(path=AGENT_HOME / ".gitconfig", content=b"x"),
    )
    first = unpacked(home_archive(plan(seed_files=files)), tmp_path / "first")
    again = unpacked(home_archive(plan(seed_files=files, resume=True)), tmp_path / "again")

    assert set(first) == {".claude.json", ".gitconfig"}
    assert set(again) == {".gitconfig"}
