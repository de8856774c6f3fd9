import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from bottle.cli.pager import Pager
from bottle.errors import BottleError

PATH = os.environ["PATH"]


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"BOTTLE_PAGER": "a", "GIT_PAGER": "b", "PAGER": "c"}, "a"),
        ({"GIT_PAGER": "b -x", "PAGER": "c"}, "b -x"),
        ({"PAGER": "c"}, "c"),
        ({"BOTTLE_PAGER": "", "PAGER": "c"}, None),
        ({"PAGER": "cat"}, None),
        ({"PATH": "/nonexistent"}, None),
    ],
)
def test_the_first_that_is_named_is_taken(environ: Mapping[str, str], words: str | None) -> None:
    assert Pager(environ=environ, descriptor=1).words == words


def test_less_is_used_where_it_exists(tmp_path: Path) -> None:
    (tmp_path / "less").write_text("")
    (tmp_path / "less").chmod(0o755)
    assert Pager(environ={"PATH": str(tmp_path)}, descriptor=1).words == "less"


def test_a_pager_reads_all_and_its_options_are_gits(tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = signal.getsignal(signal.SIGINT)
    environ = {"PATH": PATH, "PAGER": f'(echo "$LESS"; cat) >{out}'}

    with Pager(environ=environ, descriptor=1).output() as sink:
        sink.write(b"text\n")
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN

    assert out.read_text() == "FRX\ntext\n"
    assert signal.getsignal(signal.SIGINT) is before


def test_one_that_is_left_early_is_no_error() -> None:
    with Pager(environ={"PATH": PATH, "PAGER": "true"}, descriptor=1).output() as sink:
        for _ in range(1000):
            sink.write(b"x" * 65536)


def test_one_that_cannot_be_run_is_an_error() -> None:
    pager = Pager(environ={"PATH": PATH, "PAGER": "no-such-pager 2>/dev/null"}, descriptor=1)
    with pytest.raises(BottleError, match=r"'no-such-pager .*' cannot be run"), pager.output() as sink:
        sink.write(b"text")


def test_without_one_the_descriptor_is_written_to() -> None:
    reading, writing = os.pipe()
    try:
        with Pager(environ={"PAGER": "cat"}, descriptor=writing).output() as sink:
            sink.write(b"text")
        assert os.read(reading, 100) == b"text"
    finally:
        os.close(reading)
        os.close(writing)
