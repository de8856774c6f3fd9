import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.launch.modes import TerminalModes


def after(*output: bytes) -> TerminalModes:
    modes = TerminalModes()
    for piece in output:
        modes.feed(piece)
    return modes


@pytest.mark.parametrize(
    ("output", "entering", "leaving"),
    [
        (b"plain \x1b[31mred\x1b[0m", b"", b""),
        (b"\x1b[?2004h", b"\x1b[?2004h", b"\x1b[?2004l\x1b[m"),
        (b"\x1b[?25l", b"\x1b[?25l", b"\x1b[?25h\x1b[m"),
        (b"\x1b[?1049h\x1b[?25l", b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l\x1b[m"),
        (b"\x1b[?1000;1006h", b"\x1b[?1000h\x1b[?1006h", b"\x1b[?1006l\x1b[?1000l\x1b[m"),
        (b"\x1b[?25l\x1b[?2004h\x1b[?2004l\x1b[?25h", b"", b""),
        (b"\x1b[>7u\x1b[>1u", b"\x1b[>7u\x1b[>1u", b"\x1b[<2u\x1b[m"),
        (b"\x1b[>7u\x1b[>1u\x1b[<u", b"\x1b[>7u", b"\x1b[<1u\x1b[m"),
        (b"\x1b[>7u\x1b[<9u", b"", b""),
        (b"\x1b[>4;2m", b"\x1b[>4;2m", b"\x1b[>4m\x1b[m"),
        (b"\x1b[>4;2m\x1b[>4;0m", b"", b""),
        (b"\x1b=", b"\x1b=", b"\x1b>\x1b[m"),
        (b"\x1b[?1049h\x1b[>7u\x1bc", b"", b""),
        (b"\x1b[?3h\x1b[?99999h\x1b[?h", b"", b""),
    ],
)
def test_modes_are_followed_and_undone(output: bytes, entering: bytes, leaving: bytes) -> None:
    modes = after(output)

    assert modes.entering() == entering
    assert modes.leaving() == leaving


@given(st.data())
def test_a_sequence_may_be_cut_anywhere(data: st.DataObject) -> None:
    output = b"text\x1b[?1049h\x1b[?1000;1006hmore\x1b[?25l\x1b[>7u\x1b=\x1b[>4;1m\x1b[?1006l"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(output)), max_size=6)))
    pieces = [output[start:end] for start, end in zip([0, *cuts], [*cuts, len(output)], strict=True)]

    assert after(*pieces).entering() == after(output).entering()


@given(st.lists(st.binary(max_size=50)))
def test_leaving_undoes_entering(pieces: list[bytes]) -> None:
    modes = after(*pieces)

    assert after(modes.entering(), modes.leaving()).entering() == b""


def test_memory_is_bounded() -> None:
    modes = after(*[b"\x1b[>1u"] * 10_000, b"\x1b[?" + b"1;" * 10_000)

    assert len(modes.entering()) < 200
