import time
from pathlib import Path

from bottle.launch.presence import Presence, Seen


def test_it_says_how_many_terminals_and_when_there_was_output(tmp_path: Path) -> None:
    path = tmp_path / "runtime" / "presence"
    begun = time.time()
    with Presence.kept_in(path) as presence:
        presence.terminals(2)
        presence.output()
        presence.terminals(31)
        seen = Seen.at(path)

        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert seen is not None
        assert (seen.terminals, seen.output >= begun) == (31, True)
        presence.terminals(0)
        assert Seen.at(path) == Seen(terminals=0, output=path.stat().st_mtime)
    assert not path.exists()


def test_coming_and_going_is_no_output(tmp_path: Path) -> None:
    path = tmp_path / "presence"
    with Presence.kept_in(path) as presence:
        presence.terminals(0)
        before = path.stat().st_mtime
        presence.terminals(1)

        assert path.stat().st_mtime == before


def test_no_session_and_a_file_that_says_nothing_are_no_presence(tmp_path: Path) -> None:
    (tmp_path / "presence").write_bytes(b"x\n")

    assert Seen.at(tmp_path / "presence") is None
    assert Seen.at(tmp_path / "missing") is None
