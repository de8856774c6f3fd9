#!/usr/bin/env python3
"""Builds dist/bottle.pyz and the wheel, byte for byte the same from the same sources.

Needs nothing but Python 3.11 or newer with its venv module, and a package index that pip reaches. The
tools and dependencies come in at the versions and hashes that requirements/*.lock name.
"""

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
WORK = ROOT / ".build"
TOOLS_LOCK = ROOT / "requirements" / "build.lock"
HOST_LOCK = ROOT / "requirements" / "host.lock"
ENTRY = ROOT / "src" / "bottle" / "zipapp.py"
INTERPRETER = "/usr/bin/env python3"
EPOCH = "1580601600"
ZIP_TIME = (2020, 2, 2, 0, 0, 0)
COMPILED = (".so", ".pyc", ".pyd", ".dylib", ".dll", ".a", ".o")


class Failure(Exception):  # noqa: N818 - ends the build, with this text
    """What stops a build; the hint, after a newline, mends it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"error: {message}" + (f"\nhint: {hint}" if hint else ""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="FOLDER", help="default: dist/")
    output: Path = parser.parse_args().output
    try:
        build(output)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 4
    except subprocess.CalledProcessError as failed:
        print(f"error: `{shlex.join(map(str, failed.cmd))}` exited with {failed.returncode}", file=sys.stderr)
        return 1
    return 0


def build(output: Path) -> None:
    python = tools()
    dependencies = wheels(python)
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="assemble-", dir=WORK) as name:
        work = Path(name)
        own = own_wheel(python, work)
        site = work / "site-packages"
        for wheel in (*dependencies, own):
            unpack(wheel, site)
        packed = work / "packed.pyz"
        shiv(python, site, packed)
        finished = work / "bottle.pyz"
        finish(packed, finished)
        output.mkdir(parents=True, exist_ok=True)
        for built in (own, finished):
            shutil.move(built, output / built.name)
            digest = hashlib.sha256((output / built.name).read_bytes()).hexdigest()
            print(f"{digest}  {output / built.name}")


def tools() -> Path:
    """The Python of a private environment that holds exactly what the lock names."""
    if sys.version_info < (3, 11):  # noqa: UP036 - says it before something else fails
        raise Failure("Python 3.11 or newer is needed", "apt-get install -y python3")
    if importlib.util.find_spec("ensurepip") is None:
        raise Failure("this Python cannot make environments", "apt-get install -y python3-venv")
    return kept("tools", TOOLS_LOCK, _make_tools) / "bin" / "python"


def _make_tools(folder: Path) -> None:
    venv.create(folder, with_pip=True)
    pip(folder / "bin" / "python", "install", "--requirement", str(TOOLS_LOCK))


def wheels(python: Path) -> list[Path]:
    """The dependencies as wheels without compiled parts, whatever machine and Python builds."""

    def download(folder: Path) -> None:
        portable = (
            "--platform",
            "any",
            "--implementation",
            "py",
            "--abi",
            "none",
            "--python-version",
            "3.11",
        )
        pip(python, "download", *portable, "--dest", str(folder), "--requirement", str(HOST_LOCK))

    return sorted(kept("wheels", HOST_LOCK, download).glob("*.whl"))


def kept(name: str, lock: Path, make: Callable[[Path], None]) -> Path:
    """A folder that is made once per lock and Python; a marker says that it is whole."""
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode() + sys.prefix.encode()).hexdigest()[:16]
    folder = WORK / f"{name}-{key}"
    whole = folder / "whole"
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / f"{name}.lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)  # another build may be making the same
        if not whole.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            whole.touch()
    return folder


def pip(python: Path, *arguments: str) -> None:
    options = ("--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-input")
    subprocess.run([python, "-m", "pip", *arguments[:1], *options, *arguments[1:]], check=True)


def own_wheel(python: Path, work: Path) -> Path:
    tool(python, "hatchling", "build", "--target", "wheel", "--directory", str(work))
    return next(work.glob("*.whl"))


def tool(python: Path, *arguments: str) -> None:
    """Runs a module of the private environment; its output matters only where it fails."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", EPOCH)}
    argv = [str(python), "-m", *arguments]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, sep="", file=sys.stderr)
        done.check_returncode()


def unpack(wheel: Path, site: Path) -> None:
    """Installs a pure wheel without what an installer adds: no scripts, no paths of this machine."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if ".data/" in name or name.endswith(COMPILED):
                raise Failure(f"{wheel.name} is not pure Python: it holds {name}")
        archive.extractall(site)
    for path in site.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def shiv(python: Path, site: Path, target: Path) -> None:
    options = ("--entry-point", "bottle.__main__:main", "--python", INTERPRETER, "--reproducible")
    tool(python, "shiv.cli", *options, "--site-packages", str(site), "--output-file", str(target))


def finish(packed: Path, target: Path) -> None:
    """The same archive in the order of its names, uncompressed, and started by our own entry.

    Uncompressed, because the bytes of deflate depend on the zlib of the building machine.
    """
    with zipfile.ZipFile(packed) as source, target.open("wb") as stream:
        stream.write(f"#!{INTERPRETER}\n".encode())
        build_id = json.loads(source.read("environment.json"))["build_id"]
        entry = ENTRY.read_text().replace('BUILD_ID = ""', f'BUILD_ID = "{build_id}"')
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(source.namelist()):
                if name.endswith(COMPILED):
                    raise Failure(f"a compiled file would get into the archive: {name}")
                member = zipfile.ZipInfo(name, ZIP_TIME)
                member.create_system = 3
                member.external_attr = 0o100644 << 16
                archive.writestr(member, entry if name == "__main__.py" else source.read(name))
    target.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main())
