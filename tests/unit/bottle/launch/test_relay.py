"""Bytes pass, descriptors do not."""

import os
import tty
from pathlib import Path

import pytest

from bottle.launch.relay import Text, relayed

LARGE = b"x" * 300_000


def descriptors() -> list[Path]:
    return list(Path("/proc/self/fd").iterdir())


def test_what_is_written_has_arrived_when_the_block_ends(tmp_path: Path) -> None:
    with (
        (tmp_path / "out").open("wb") as out,
        (tmp_path / "err").open("wb") as err,
        relayed(stdin=None, stdout=out.fileno(), stderr=err.fileno()) as streams,
    ):
        assert os.read(streams.stdin, 1) == b""
        os.write(streams.stdout, LARGE)
        os.write(streams.stderr, b"problem")
        assert os.fstat(streams.stdout).st_ino != os.fstat(out.fileno()).st_ino

    assert (tmp_path / "out").read_bytes() == LARGE
    assert (tmp_path / "err").read_bytes() == b"problem"


def test_input_arrives_whole_and_ends(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(LARGE)
    with (
        (tmp_path / "in").open("rb") as source,
        Path(os.devnull).open("wb") as sink,
        relayed(stdin=source.fileno(), stdout=sink.fileno(), stderr=sink.fileno()) as streams,
    ):
        received = b""
        while data := os.read(streams.stdin, 65536):
            received += data

    assert received == LARGE


def test_input_that_nobody_reads_holds_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(LARGE)
    with (
        (tmp_path / "in").open("rb") as source,
        Path(os.devnull).open("wb") as sink,
        relayed(stdin=source.fileno(), stdout=sink.fileno(), stderr=sink.fileno()),
    ):
        pass


def test_a_process_that_stays_behind_holds_nothing_up(tmp_path: Path) -> None:
    """It has the other end of the pipe still open."""
    with (tmp_path / "out").open("wb") as out:
        with relayed(stdin=None, stdout=out.fileno(), stderr=out.fileno()) as streams:
            left_open = os.dup(streams.stdout)
            os.write(left_open, b"before")
        os.close(left_open)

    assert (tmp_path / "out").read_bytes() == b"before"


def test_the_writer_learns_that_the_reader_is_gone() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with (
        pytest.raises(BrokenPipeError),
        relayed(stdin=None, stdout=write_end, stderr=2) as streams,
    ):
        _write_on(streams.stdout)
    os.close(write_end)


def _write_on(descriptor: int) -> None:
    while True:
        os.write(descriptor, b"y\n")


def test_no_descriptor_is_left() -> None:
    before = descriptors()
    with Path(os.devnull).open("wb") as sink, relayed(stdin=0, stdout=sink.fileno(), stderr=sink.fileno()):
        pass

    assert descriptors() == before


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ([b"plain\n\ttext\r\n"], "plain\n\ttext\r\n"),
        ([b"10%\r", b"20%\r"], "10%\r20%\r"),
        ([b"\x1b]52;c;eA==\x07"], "\\x1b]52;c;eA==\\x07"),
        ([b"\x1b", b"[6n"], "\\x1b[6n"),
        (["gr\u00fc\u00dfe".encode()[:3], "gr\u00fc\u00dfe".encode()[3:]], "gr\u00fc\u00dfe"),
        ([b"\x9b6n"], "\\x9b6n"),
        ([b"\xc2", b"\x9b6n"], "\\x9b6n"),
        ([b"cut short \xc3"], "cut short \\xc3"),
        ([b"\x05\x08\x0e\x7f\x00"], "\\x05\\x08\\x0e\\x7f\\x00"),
    ],
)
def test_a_terminal_gets_text_alone(pieces: list[bytes], shown: str) -> None:
    text = Text()

    assert b"".join(text.shown(piece) for piece in [*pieces, b""]).decode() == shown


def test_a_terminal_is_known_as_one() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    with relayed(stdin=None, stdout=slave, stderr=slave) as streams:
        os.write(streams.stdout, b"\x1b[6n")
    received = os.read(master, 100)
    os.close(slave)
    os.close(master)

    assert received == b"\\x1b[6n"
