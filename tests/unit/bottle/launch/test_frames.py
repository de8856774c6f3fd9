import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.launch.frames import (
    MAX_PAYLOAD,
    Data,
    Exit,
    Frame,
    FrameError,
    FrameReader,
    Hello,
    Resize,
    encode,
)
from bottle.terminal import TerminalSize

sizes = st.builds(TerminalSize, rows=st.integers(1, 65535), columns=st.integers(1, 65535))
frames = st.one_of(
    st.builds(Hello, sizes),
    st.builds(Resize, sizes),
    st.builds(Data, st.binary(max_size=200)),
    st.builds(Exit, st.integers(0, 255)),
)


@given(st.lists(frames), st.lists(st.integers(1, 50), min_size=1))
def test_frames_survive_any_cut(sent: list[Frame], cuts: list[int]) -> None:
    stream, reader, received = b"".join(map(encode, sent)), FrameReader(), list[Frame]()
    position = turn = 0
    while position < len(stream):
        step = cuts[turn % len(cuts)]
        received += reader.feed(stream[position : position + step])
        position, turn = position + step, turn + 1

    assert [frame for frame in sent if frame != Data(b"")] == received


@given(st.binary())
def test_garbage_is_a_frame_error_and_nothing_else(garbage: bytes) -> None:
    try:
        received = list(FrameReader().feed(garbage))
    except FrameError:
        return

    assert b"".join(map(encode, received)) == garbage[: len(b"".join(map(encode, received)))]


def test_long_data_is_split() -> None:
    data = bytes(range(256)) * 1000

    received = list(FrameReader().feed(encode(Data(data))))

    assert len(received) == len(data) // MAX_PAYLOAD + 1
    assert b"".join(frame.data for frame in received if isinstance(frame, Data)) == data


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\x00\x00\x00\x00\x00", id="kind 0"),
        pytest.param(b"\x05\x00\x00\x00\x00", id="kind 5"),
        pytest.param(b"\x02\x00\x01\x00\x01", id="too long, known before it is read"),
        pytest.param(b"\x03\x00\x00\x00\x01\x00", id="short resize"),
        pytest.param(b"\x03\x00\x00\x00\x04\x00\x00\x00\x10", id="no rows"),
        pytest.param(b"\x01\x00\x00\x00\x05\x02\x00\x10\x00\x10", id="version 2"),
        pytest.param(b"\x04\x00\x00\x00\x00", id="empty exit"),
    ],
)
def test_each_kind_of_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(FrameError):
        list(FrameReader().feed(garbage))
