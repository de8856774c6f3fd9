from pathlib import Path

import pytest

from bottle.state.honeytokens import Honeytokens

HELD = Honeytokens(placeholders={"TOKEN": "placeholder-1"}, decoys={"~/.aws/credentials": "key"})


def test_they_come_back_and_nobody_else_can_read_them(tmp_path: Path) -> None:
    HELD.write(tmp_path)
    HELD.write(tmp_path)

    assert Honeytokens.read(tmp_path) == HELD
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [
        ("honeytokens.json", 0o600)
    ]


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff", b"[]", b'{"surplus": 1}', b"[" * 100_000])
def test_where_they_are_lost_there_are_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "honeytokens.json").write_bytes(content)

    assert Honeytokens.read(tmp_path) == Honeytokens()


def test_their_repr_shows_none() -> None:
    assert "placeholder-1" not in repr(HELD)
