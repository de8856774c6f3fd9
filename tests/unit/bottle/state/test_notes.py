import os
from pathlib import Path

from bottle.state.notes import Notes


def test_what_was_said_is_added_to_a_private_file(tmp_path: Path) -> None:
    notes = Notes(path=tmp_path / "logs" / "dev-abcde.notes")
    for text in (b"one\n", b"two \xff\n"):
        descriptor = notes.open()
        os.write(descriptor, text)
        os.close(descriptor)

    assert notes.read() == "one\ntwo \ufffd"
    assert notes.path.stat().st_mode & 0o777 == 0o600
    assert notes.path.parent.stat().st_mode & 0o777 == 0o700


def test_only_the_end_of_much_is_shown(tmp_path: Path) -> None:
    notes = Notes(path=tmp_path / "dev-abcde.notes")
    notes.path.write_text("x" * 1_000_000 + "last")

    shown = notes.read()

    assert shown is not None
    assert len(shown) < 5000
    assert shown.endswith("last")


def test_a_bottle_that_was_never_detached_has_none(tmp_path: Path) -> None:
    assert Notes(path=tmp_path / "dev-abcde.notes").read() is None
