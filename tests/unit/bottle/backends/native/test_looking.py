import gzip
import json
import os
from pathlib import Path

import pytest

from bottle.backends.base import CopiedIn
from bottle.backends.native import looking
from bottle.proc import CommandFailed


def told(box: Path, start: CopiedIn | None) -> list[bytes]:
    with looking.changes(box, start) as stream:
        return stream.read().splitlines()


def test_an_overlay_is_looked_at_in_its_upper_layer(tmp_path: Path) -> None:
    (tmp_path / "upper" / "closed").mkdir(parents=True)
    (tmp_path / "upper" / "closed" / "f\udcff").write_text("text")
    (tmp_path / "upper" / "closed" / "f\udcff").chmod(0)
    (tmp_path / "upper" / "closed").chmod(0)

    folder, file, text, end = told(tmp_path, None)

    (tmp_path / "upper" / "closed").chmod(0o700)  # so that it can be cleared away
    assert json.loads(folder)["path"] == "closed"
    assert json.loads(file)["path"] == "closed/f\udcff"
    assert (text, end) == (b"textwhole", b'{"end": true}')


def test_a_copy_is_compared_with_its_base(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "f").touch()
    base = tmp_path / "base.gz"
    known = [{"path": name, "kind": "file", "mode": 0o644} for name in ("f", "gone")]
    base.write_bytes(gzip.compress("".join(json.dumps(node) + "\n" for node in known).encode()))
    stamp = (tmp_path / "workspace" / "f").stat().st_ctime_ns + 10**9

    gone, end = told(tmp_path, CopiedIn(filled_ns=stamp, base=base))

    assert json.loads(gone) == {"path": "gone", "kind": "gone", "base": {"kind": "file", "mode": 0o644}}
    assert end == b'{"end": true}'


def test_a_folder_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    (line,) = told(tmp_path, None)
    assert "No such file" in json.loads(line)["error"]


def test_a_base_that_is_damaged_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    base = tmp_path / "base.gz"
    for damaged in (b"no gzip", gzip.compress(b"no json\n"), gzip.compress(b"x" * 1000)[:-20]):
        base.write_bytes(damaged)
        (line,) = told(tmp_path, CopiedIn(filled_ns=0, base=base))
        assert json.loads(line)["error"]


def test_one_that_is_not_read_to_its_end_is_ended(tmp_path: Path) -> None:
    (tmp_path / "upper").mkdir()
    with (tmp_path / "upper" / "large").open("wb") as file:
        file.write(os.urandom(4 << 20))

    with pytest.raises(CommandFailed), looking.changes(tmp_path, None) as stream:
        stream.read(10)
