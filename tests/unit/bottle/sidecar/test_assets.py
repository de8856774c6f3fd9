"""The assets: complete, keyed by content alone, written once."""

import os
import stat
from pathlib import Path

from bottle.cache import BuildCache
from bottle.progress import Silent
from bottle.sidecar.assets import RECIPES, SidecarAssets, bundled, content_digest, write


def test_holds_the_recipes_and_the_package_and_no_compiled_file() -> None:
    contents = bundled()

    assert set(RECIPES) < set(contents)
    assert "bottle_sidecar/control/protocol.py" in contents
    assert "bottle_sidecar/policy/prices.json" in contents
    assert "bottle_sidecar/policy/dlp/rules/LICENSE" in contents
    assert all(path in RECIPES or path.endswith((".py", ".json", "/LICENSE")) for path in contents)


def test_the_digest_depends_on_content_and_name_alone() -> None:
    contents = {"a": b"1", "b": b"2"}

    assert content_digest(contents) == content_digest(dict(reversed(contents.items())))
    assert content_digest(contents) != content_digest({"a": b"1", "b": b"3"})
    assert content_digest(contents) != content_digest({"a": b"1", "c": b"2"})
    assert content_digest({"ab": b"", "c": b""}) != content_digest({"a": b"", "bc": b""})
    assert content_digest({"a": b"b\x001\x00"}) != content_digest({"a": b"", "b": b"1"})


def test_unpacks_once(tmp_path: Path) -> None:
    store = SidecarAssets(BuildCache(tmp_path))
    first = store.unpack(Silent())
    marker = first.root / "marker"
    marker.touch()

    second = store.unpack(Silent())

    assert second == first
    assert marker.exists()
    assert first.root == tmp_path / f"assets-{first.digest}"
    assert {str(path.relative_to(first.root)) for path in first.root.rglob("*") if path.is_file()} == {
        *bundled(),
        "marker",
    }


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write({"package/inner/module.py": b"x"}, tmp_path)
    finally:
        os.umask(before)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"package": 0o755, "inner": 0o755, "module.py": 0o644}
