"""gVisor's runtime from the Debian release whose package works on this kernel."""

import shutil
import tempfile
from pathlib import Path

from bottle.proc import Command, run
from support.engine.base_image import RELEASE
from support.engine.machine import KEYRING, Machine, architecture
from support.engine.model import BUILD

ARGUMENTS = ("--network=none", "--host-uds=all")


def runtimes(machine: Machine) -> dict[str, object]:
    """dockerd's entry for the runtime; empty where Debian has none for this processor."""
    if architecture() not in {"amd64", "arm64"}:
        return {}
    return {"runsc": {"path": str(_program(machine)), "runtimeArgs": list(ARGUMENTS)}}


def _program(machine: Machine) -> Path:
    """Unpacked from the package, not installed: this machine's packages stay as they are."""
    final = BUILD / f"runsc-{RELEASE}"
    if final.is_file():
        return final
    BUILD.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="runsc-", dir=BUILD))
    try:
        for name in ("lists/partial", "cache/archives/partial", "parts", "download"):
            (work / name).mkdir(parents=True)
        (work / "parts" / "debian.sources").write_text(
            f"Types: deb\nURIs: {machine.mirror}\nSuites: {RELEASE}\nComponents: main\nSigned-By: {KEYRING}\n"
        )
        _apt(work, "update")
        _apt(work, "download", "runsc")
        package = next((work / "download").glob("runsc_*.deb"))
        run(Command(argv=("dpkg-deb", "--extract", str(package), str(work / "root"))))
        (work / "root/usr/bin/runsc").replace(final)
    finally:
        shutil.rmtree(work)
    return final


def _apt(work: Path, *arguments: str) -> None:
    """apt-get with lists and sources of its own."""
    options = (
        *("-o", "Dir::Etc::sourcelist=/dev/null"),
        *("-o", f"Dir::Etc::sourceparts={work}/parts"),
        *("-o", f"Dir::State::lists={work}/lists"),
        *("-o", f"Dir::Cache={work}/cache"),
        *("-o", "APT::Sandbox::User=root"),
    )
    run(Command(argv=("apt-get", "-qq", *options, *arguments), cwd=str(work / "download"), timeout=180))
