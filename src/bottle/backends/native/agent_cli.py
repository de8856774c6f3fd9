"""The agent's command line program, installed once into the cache and shown read-only in each bottle."""

import base64
import hashlib
import hmac
import json
import platform
import re
import shutil
import tarfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath

from attrs import field, frozen

from bottle.cache import BuildCache
from bottle.errors import BottleError, EnvironmentLacksError
from bottle.plan import NpmPackage
from bottle.proc import Command, run
from bottle.progress import Progress

_DOWNLOAD_SECONDS = 1800.0
_VERSION_SECONDS = 20.0
_ELF = b"\x7fELF"


@frozen(kw_only=True)
class AgentCli:
    """`folder(package)/bin/<name>` are the programs, once `install` has returned."""

    cache: BuildCache
    environ: Mapping[str, str] = field(repr=False)

    def folder(self, package: NpmPackage) -> Path:
        return self.cache.root / f"{_label(package)}-{_key(package)}"

    def install(self, package: NpmPackage, progress: Progress) -> Path:
        """At once where it is there. The host's own program is taken where it has exactly that version.

        Raises EnvironmentLacksError without npm, BottleError where what came is not what is pinned.
        """
        folder = self.folder(package)
        if folder.is_dir():
            return folder
        own = self._from_host(package)
        origin = "from this host" if own else "with npm"
        with progress.step(f"installing {package.spec(platform.machine())} {origin}"):
            return self.cache.folder(
                _label(package), _key(package), lambda target: self._fill(target, package, own), progress
            )

    def _fill(self, target: Path, package: NpmPackage, own: Mapping[str, Path] | None) -> None:
        programs = target / "bin"
        programs.mkdir(mode=0o755)
        if own:
            for name, source in own.items():
                shutil.copyfile(source, programs / name)
                (programs / name).chmod(0o755)
            return
        content = target / "package"
        self._download(target, package, content)
        for inside, name in package.executables(platform.machine()).items():
            program = content / inside
            if not program.is_file():
                raise BottleError(f"{package.spec(platform.machine())} has no file {inside}")
            program.chmod(0o755)
            (programs / name).symlink_to(Path("..", "package", inside))

    def _download(self, target: Path, package: NpmPackage, content: Path) -> None:
        if shutil.which("npm", path=self.environ.get("PATH")) is None:
            raise EnvironmentLacksError(
                f"npm is needed to install {package.spec(platform.machine())}",
                hint="sudo apt-get install -y npm",
            )
        wanted = package.spec(platform.machine())
        argv = ("npm", "pack", wanted, "--json", "--ignore-scripts", "--pack-destination", str(target))
        run(Command(argv=argv, env=self.environ, cwd=str(target), timeout=_DOWNLOAD_SECONDS))
        tarball = next(target.glob("*.tgz"), None)
        if tarball is None:
            raise BottleError(f"npm brought no package for {wanted}")
        verify(tarball, package.integrity.get(platform.machine(), ""))
        unpack(tarball, content)
        tarball.unlink()

    def _from_host(self, package: NpmPackage) -> Mapping[str, Path] | None:
        """The host's programs: each a binary that stands alone, the first of exactly the wanted version."""
        found = {}
        for name in package.binaries.values():
            path = shutil.which(name, path=self.environ.get("PATH"))
            if path is None or not _is_binary(Path(path).resolve()):
                return None
            found[name] = Path(path).resolve()
        first = next(iter(found.values()), None)
        if first is None:
            return None
        command = Command(argv=(str(first), "--version"), env=self.environ, timeout=_VERSION_SECONDS)
        try:
            said = run(command, check=False).text
        except BottleError:
            return None
        wanted = re.compile(rf"(?<![\w.-]){re.escape(package.version)}(?![\w.-])")
        return found if wanted.search(said) else None


def verify(tarball: Path, integrity: str) -> None:
    """Raises BottleError where the file is not the pinned one. Empty: the operator chose the version."""
    if not integrity:
        return
    algorithm, _, wanted = integrity.partition("-")
    with tarball.open("rb") as file:
        digest = hashlib.file_digest(file, algorithm).digest()
    if not hmac.compare_digest(base64.b64encode(digest).decode(), wanted):
        raise BottleError(
            f"{tarball.name} is not the file that was pinned ({algorithm} differs)",
            hint="check the npm registry that is set up here",
        )


def unpack(tarball: Path, target: Path) -> None:
    """The regular files below `package/`; links and devices are left out, and nothing lands outside."""
    with tarfile.open(tarball) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if not member.isfile() or ".." in path.parts or path.is_absolute():
                continue
            source = archive.extractfile(member)
            place = target.joinpath(*path.parts[1:])
            place.parent.mkdir(parents=True, exist_ok=True)
            if source:
                with source, place.open("wb") as file:
                    shutil.copyfileobj(source, file, 1024 * 1024)
                place.chmod(0o755 if member.mode & 0o100 else 0o644)


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ELF)) == _ELF


def _label(package: NpmPackage) -> str:
    return "agent-" + next(iter(package.binaries.values()))


def _key(package: NpmPackage) -> str:
    parts = [
        package.spec(platform.machine()),
        package.integrity.get(platform.machine(), ""),
        json.dumps(sorted(package.binaries.items())),
    ]
    return sha256("\0".join(parts).encode()).hexdigest()[:20]
