from hypothesis import given, settings
from hypothesis import strategies as st

from bottle_sidecar.policy.chain import Head, Link

IDENTITY = "tester-abcde"
VALUES = st.text(max_size=20) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
FIELDS = st.dictionaries(st.sampled_from(["time", "event", "host", "path"]), VALUES, max_size=4)


@settings(max_examples=50, deadline=None)
@given(st.lists(FIELDS, min_size=1, max_size=8))
def test_each_line_follows_the_one_before(lines: list[dict[str, str | int | float]]) -> None:
    head = Head.seed(IDENTITY)
    for fields in lines:
        link = head.link(fields)
        assert link.line.isascii()
        assert b"\n" not in link.line
        assert Link.parse(link.line) == link
        assert link.follows(head)
        assert not link.follows(link.head)
        head = link.head
    assert head.seq == len(lines)


@settings(max_examples=200, deadline=None)
@given(FIELDS, st.data())
def test_no_changed_byte_goes_unseen(fields: dict[str, str | int | float], data: st.DataObject) -> None:
    head = Head.seed(IDENTITY)
    line = bytearray(head.link(fields).line)
    at = data.draw(st.integers(0, len(line) - 1))
    line[at] ^= data.draw(st.integers(1, 255))
    changed = Link.parse(bytes(line))
    assert changed is None or not changed.follows(head)


def test_chains_of_different_bottles_do_not_mix() -> None:
    assert not Head.seed("other-abcde").link({"event": "opened"}).follows(Head.seed(IDENTITY))
