"""What build.py makes: the same bytes everywhere, and nothing in them that belongs to one machine."""

import re
import sys
import zipfile
from pathlib import Path

from artifact.conftest import Built
from bottle.proc import Command, run
from bottle.sidecar.assets import bundled, content_digest
from support.engine.model import REPOSITORY

COMPILED = re.compile(r"\.(so|pyc|pyd|dylib|dll|a|o)(\.|$)")
MACHINE_CODE = (b"\x7fELF", b"MZ", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
PRINT_DIGEST = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    "from bottle.sidecar.assets import bundled, content_digest; print(content_digest(bundled()))"
)


def test_two_checkouts_give_the_same_bytes(built: Built, built_elsewhere: Built) -> None:
    assert built.archive.read_bytes() == built_elsewhere.archive.read_bytes()
    assert built.wheel.read_bytes() == built_elsewhere.wheel.read_bytes()


def test_holds_nothing_compiled(built: Built) -> None:
    with zipfile.ZipFile(built.archive) as archive:
        names = archive.namelist()
        machine_code = [name for name in names if archive.read(name).startswith(MACHINE_CODE)]

    assert "site-packages/bottle/__main__.py" in names
    assert [name for name in names if COMPILED.search(name)] == []
    assert machine_code == []


def test_holds_no_path_of_this_machine(built: Built) -> None:
    paths = [str(REPOSITORY).encode(), sys.prefix.encode()]
    if Path.home() != Path("/root"):  # named in attacks: every machine has it
        paths.append(str(Path.home()).encode() + b"/")
    with zipfile.ZipFile(built.archive) as archive:
        telling = [name for name in archive.namelist() if any(path in archive.read(name) for path in paths)]

    assert telling == []


def test_every_form_carries_the_same_assets(built: Built, tmp_path: Path) -> None:
    expected = content_digest(bundled())
    with zipfile.ZipFile(built.archive) as archive:
        archive.extractall(tmp_path)
    site = tmp_path / "site-packages"

    assert _digest(site) == expected

    with zipfile.ZipFile(built.wheel) as wheel:
        wheel.extractall(site)
    assert _digest(site) == expected


def test_locks_name_no_index() -> None:
    locks = [*REPOSITORY.glob("requirements/*.lock"), *REPOSITORY.glob("sidecar_image/*.lock")]

    assert locks
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text
        assert "--index" not in text
        assert "--find-links" not in text


def test_the_host_lock_is_the_same_for_every_python() -> None:
    """build.py resolves no markers: one archive serves 3.11 and everything after it."""
    assert " ; " not in (REPOSITORY / "requirements" / "host.lock").read_text()


def _digest(site: Path) -> str:
    return run(Command(argv=(sys.executable, "-I", "-S", "-c", PRINT_DIGEST, str(site)))).text
