"""A downloaded agent is checked against its pin and unpacked without trust."""

import base64
import hashlib
import io
import platform
import tarfile
from pathlib import Path

import pytest

from bottle.backends.native.agent_cli import AgentCli, unpack, verify
from bottle.cache import BuildCache
from bottle.errors import BottleError, EnvironmentLacksError
from bottle.plan import NpmPackage
from bottle.proc import Command, run
from bottle.progress import Silent


def _package(version: str = "1.2.3") -> NpmPackage:
    return NpmPackage(
        name={platform.machine(): "@x/agent"}, version=version, binaries={"bin/agent": "agent"}, integrity={}
    )


def _tarball(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            member.size = 4 if member.isfile() else 0
            archive.addfile(member, io.BytesIO(b"data") if member.isfile() else None)
    return path


def test_a_tarball_must_be_the_pinned_one(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(b"content")
    good = "sha512-" + base64.b64encode(hashlib.sha512(b"content").digest()).decode()
    verify(path, good)
    verify(path, "")

    with pytest.raises(BottleError, match="not the file that was pinned"):
        verify(path, "sha512-" + base64.b64encode(hashlib.sha512(b"other").digest()).decode())


def test_only_regular_files_are_unpacked_and_only_inside(tmp_path: Path) -> None:
    link = tarfile.TarInfo("package/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    program = tarfile.TarInfo("package/bin/agent")
    program.mode = 0o755
    names = ("package/../../out", "/abs/out", "package/link/out")
    tarball = _tarball(tmp_path / "a.tgz", link, program, *(tarfile.TarInfo(name) for name in names))
    target = tmp_path / "target"

    unpack(tarball, target)

    files = {
        str(path.relative_to(target)): path.stat().st_mode & 0o777
        for path in target.rglob("*")
        if path.is_file()
    }
    assert files == {"bin/agent": 0o755, "link/out": 0o644}
    assert not (tmp_path / "out").exists()


def test_the_hosts_own_program_of_exactly_that_version_is_taken(tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    said = run(Command(argv=("uname", "--version"))).text.splitlines()[0]
    (host / "agent").write_bytes(Path("/bin/uname").read_bytes())
    (host / "agent").chmod(0o755)
    cli = AgentCli(cache=BuildCache(tmp_path / "cache"), environ={"PATH": str(host)})

    folder = cli.install(_package(said.split()[-1]), Silent())
    assert (folder / "bin" / "agent").read_bytes() == (host / "agent").read_bytes()
    with pytest.raises(EnvironmentLacksError, match="npm is needed") as caught:
        cli.install(_package(said.split()[-1] + "0"), Silent())
    assert caught.value.hint == "sudo apt-get install -y npm"


def test_a_script_on_path_is_not_taken_for_the_program(tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    (host / "agent").write_text("#!/bin/sh\necho 1.2.3\n")
    (host / "agent").chmod(0o755)
    cli = AgentCli(cache=BuildCache(tmp_path / "cache"), environ={"PATH": str(host)})

    with pytest.raises(EnvironmentLacksError):
        cli.install(_package(), Silent())


def test_another_version_or_pin_has_another_folder(tmp_path: Path) -> None:
    cli = AgentCli(cache=BuildCache(tmp_path), environ={})

    assert cli.folder(_package()) != cli.folder(_package("1.2.4"))


def test_a_machine_without_a_package_is_said_so(tmp_path: Path) -> None:
    cli = AgentCli(cache=BuildCache(tmp_path), environ={})
    package = NpmPackage(name={}, version="1", binaries={"agent": "agent"}, integrity={})

    with pytest.raises(EnvironmentLacksError, match="not published for"):
        cli.folder(package)
