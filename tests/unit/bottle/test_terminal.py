import os
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.errors import UsageError
from bottle.terminal import Terminal, TerminalSize, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("grün 漢字 🙂 ❤\ufe0f", "grün 漢字 🙂 ❤\ufe0f"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("\x9b31mred", "\\x9b31mred"),
        ("safe\rrm -rf", "safe\\x0drm -rf"),
        ("a\x08b\x7f", "a\\x08b\\x7f"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("zero\u200bwidth\u200d\ufeff", "zero\\u200bwidth\\u200d\\ufeff"),
        ("\U000e0041tag", "\\U000e0041tag"),
        ("\u3164\u115f\u2800", "\\u3164\\u115f\\u2800"),
        ("line\u2028break\u2029", "line\\u2028break\\u2029"),
        ("\ud800", "\\ud800"),
        ("\ue000", "\\ue000"),
        ("no\u00a0break", "no\u00a0break"),
    ],
)
def test_what_does_not_print_as_itself_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_no_control_or_format_character_passes() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))

    kept = set(printable(every)) - set("\n\t")

    assert not {c for c in kept if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}}


@given(st.text())
def test_filtering_twice_changes_nothing_more(text: str) -> None:
    assert printable(printable(text)) == printable(text)


def test_the_size_without_a_terminal_is_the_usual_one() -> None:
    read_end, write_end = os.pipe()
    try:
        assert Terminal(input=read_end, output=write_end).size() == TerminalSize(rows=24, columns=80)
        assert not Terminal(input=read_end, output=write_end).is_tty()
    finally:
        os.close(read_end)
        os.close(write_end)


def test_raw_mode_without_a_terminal_is_a_usage_error() -> None:
    read_end, write_end = os.pipe()
    try:
        with pytest.raises(UsageError), Terminal(input=read_end, output=write_end).raw():
            pass
    finally:
        os.close(read_end)
        os.close(write_end)


def test_raw_mode_is_left_at_an_exception_and_the_descriptors_stay_blocking() -> None:
    master, slave = os.openpty()
    try:
        terminal = Terminal(input=slave, output=slave)
        with pytest.raises(ZeroDivisionError), terminal.raw() as raw:  # noqa: PT012 - it is about the block
            os.write(master, b"\x03\r")
            typed = b""
            while len(typed) < 2:
                typed += raw.read() or b""
            assert typed == b"\x03\r"
            assert raw.read() is None
            assert os.get_blocking(slave)
            raise ZeroDivisionError

        os.write(master, b"line\r")
        assert os.read(slave, 100) == b"line\n"
    finally:
        os.close(master)
        os.close(slave)


def test_a_vanished_terminal_reads_as_ended_and_takes_all_output() -> None:
    master, slave = os.openpty()
    with Terminal(input=slave, output=slave).raw() as raw:
        os.close(master)

        assert raw.read() == b""
        assert raw.write(b"output") == 6
    os.close(slave)


def test_a_duplicate_is_the_same_terminal_and_closed_apart() -> None:
    master, slave = os.openpty()
    try:
        terminal = Terminal(input=slave, output=slave)
        duplicate = terminal.duplicate()

        assert duplicate.is_tty()
        assert os.ttyname(duplicate.input) == os.ttyname(slave)
        assert not os.get_inheritable(duplicate.output)
        duplicate.close()
        assert terminal.is_tty()
        assert not duplicate.is_tty()
        with pytest.raises(UsageError):
            duplicate.confirm("is anybody there?")
    finally:
        os.close(master)
        os.close(slave)
