import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.launch.keys import DetachKeys


def typed(*chunks: bytes) -> tuple[bytes, bool]:
    keys, passed, detached = DetachKeys(), b"", False
    for chunk in chunks:
        part, detached = keys.feed(chunk)
        passed += part
        if detached:
            break
    return passed, detached


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((b"abc",), (b"abc", False)),
        ((b"\x10\x11",), (b"", True)),
        ((b"ab\x10", b"\x11cd"), (b"ab", True)),
        ((b"\x10",), (b"", False)),
        ((b"\x10", b"x"), (b"\x10x", False)),
        ((b"\x10\x10", b"\x11"), (b"\x10", True)),
        ((b"\x11\x10", b"\x10x\x11"), (b"\x11\x10\x10x\x11", False)),
        ((b"\x1b[112;5u", b"\x1b[113;5u"), (b"", True)),
        ((b"\x1b[112;5:1u\x1b[112;5:3u", b"\x1b[113;5:1u"), (b"", True)),
        ((b"\x1b[112:80;133u", b"\x1b[113:81;133u"), (b"", True)),
        ((b"\x1b[27;5;112~", b"\x1b[27;5;113~"), (b"", True)),
        ((b"\x1b[112;5u\x1b[112;5:3u", b"x"), (b"\x1b[112;5u\x1b[112;5:3ux", False)),
        ((b"\x1b[112;1u\x1b[113;5u",), (b"\x1b[112;1u\x1b[113;5u", False)),
    ],
)
def test_detach_keys(chunks: tuple[bytes, ...], expected: tuple[bytes, bool]) -> None:
    assert typed(*chunks) == expected


@given(st.lists(st.binary(max_size=20)))
def test_nothing_else_is_lost(chunks: list[bytes]) -> None:
    passed, detached = typed(*chunks, b"end")

    assert detached or passed == b"".join(chunks) + b"end"


def test_what_is_held_back_is_due_after_a_while_and_then_leaves_nobody() -> None:
    keys = DetachKeys()
    assert (keys.feed(b"a\x10"), keys.due()) == ((b"a", False), b"")
    deadline = keys.deadline
    assert deadline is not None
    while not (due := keys.due()):
        time.sleep(max(0.0, deadline - time.monotonic()))

    assert (due, keys.deadline, keys.due()) == (b"\x10", None, b"")
    assert keys.feed(b"\x11") == (b"\x11", False)
