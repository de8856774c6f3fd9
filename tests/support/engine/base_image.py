"""The base image of both product images, bootstrapped where it cannot be pulled."""

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bottle.proc import Command, run
from support.engine.machine import Machine, architecture
from support.engine.model import BUILD

RELEASE = "trixie"
LEFT_OUT = (
    *("./usr/share/doc/*", "./usr/share/man/*", "./usr/share/locale/*"),
    *("./var/lib/apt/lists/*", "./etc/apt/sources.list"),
)
DPKG = "/etc/dpkg/dpkg.cfg.d/slim"
DPKG_EXCLUDES = (
    b"path-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\npath-exclude=/usr/share/doc/*\n"
)


def import_image(docker: tuple[str, ...], image: str, machine: Machine) -> None:
    """Gives the engine that the command `docker` reaches a base image under the name `image`."""
    with _with_files(_rootfs(machine), machine) as archive, archive.open("rb") as stream:
        run(
            Command(argv=(*docker, "import", "--change", 'CMD ["bash"]', "-", image), timeout=120),
            stdin=stream,
        )


def _rootfs(machine: Machine) -> Path:
    """The bare system as a tar file, kept for the next run."""
    final = BUILD / f"{RELEASE}-{architecture()}.tar"
    if final.is_file():
        return final
    BUILD.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="rootfs-", dir=BUILD))
    try:
        root = work / "root"
        run(
            Command(
                argv=("debootstrap", "--variant=minbase", RELEASE, str(root), machine.mirror), timeout=900
            )
        )
        run(Command(argv=("chroot", str(root), "apt-get", "clean")))
        excludes = tuple(f"--exclude={pattern}" for pattern in LEFT_OUT)
        packed = work / "packed.tar"
        run(Command(argv=("tar", "-C", str(root), *excludes, "-cf", str(packed), "."), timeout=120))
        packed.replace(final)
    finally:
        shutil.rmtree(work)
    return final


@contextmanager
def _with_files(rootfs: Path, machine: Machine) -> Iterator[Path]:
    """A copy of the archive that holds the machine's settings too."""
    files = {
        **machine.files,
        "/etc/apt/sources.list.d/debian.sources": machine.apt_sources(RELEASE).encode(),
        DPKG: DPKG_EXCLUDES,
    }
    descriptor, name = tempfile.mkstemp(prefix="image-", suffix=".tar", dir=BUILD)
    os.close(descriptor)
    copy = Path(name)
    try:
        shutil.copyfile(rootfs, copy)
        with tarfile.open(copy, "a") as archive:
            for path, content in files.items():
                archive.addfile(_member(path, len(content)), io.BytesIO(content))
        yield copy
    finally:
        copy.unlink()


def _member(path: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f".{path}")
    member.size = size
    member.mode = 0o644
    return member
