"""Single values out of JSON, however it is cut, and whatever it is."""

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from bottle_sidecar.policy.leaves import Leaf, Leaves

WANTED = frozenset({("a",), ("b", "c"), ("b", "d", "e")})
NAMES = st.sampled_from(["a", "b", "c", "d", "e", "x", "\u20ac", 'q"', "\\"])
TEXTS = st.text(alphabet='ab1"\\\n{}[],: \u20ac', max_size=20)
SCALARS = st.integers(-(10**12), 10**12) | st.booleans() | st.none() | TEXTS | st.floats()
DOCUMENTS = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
        max_leaves=12,
    ),
    max_size=5,
)


def found(data: bytes, *cuts: int) -> list[Leaf]:
    leaves = Leaves(WANTED)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [leaf for start, stop in itertools.pairwise(edges) for leaf in leaves.feed(data[start:stop])]


def expected(document: object) -> dict[tuple[str, ...], object]:
    result: dict[tuple[str, ...], object] = {}
    for path in WANTED:
        value = document
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, int | str):
            result[path] = value
    return result


@given(
    document=DOCUMENTS,
    cuts=st.lists(st.integers(0, 10**6), max_size=6),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
)
def test_finds_what_a_parser_finds_however_it_is_cut(
    *, document: object, cuts: list[int], ascii_only: bool, indent: int | None
) -> None:
    data = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")

    assert dict(found(data, *cuts)) == expected(document)


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\ab1', max_size=80).map(str.encode), st.integers())
def test_nothing_makes_it_raise(data: bytes, cut: int) -> None:
    assert found(data, cut) == found(data)


def test_a_name_may_be_spelled_with_escapes() -> None:
    assert found(rb'{"\u0061": 1}') == [(("a",), 1)]


def test_what_is_too_long_or_too_deep_is_passed_over_without_being_kept() -> None:
    leaves = Leaves(WANTED)
    leaves.feed(b'{"x": "')
    for _ in range(1000):
        leaves.feed(b"y" * 1000)
    assert leaves._string is not None
    assert len(leaves._string) < 1000
    leaves.feed(b'", "z": ' + b"[" * 100_000 + b'{"a": 9}' + b"]" * 100_000)
    leaves.feed(b', "w": ' + b"7" * 10_000)

    assert len(leaves._open) <= 3
    assert len(leaves._word) < 1000
    assert leaves.feed(b', "a": 5}') == [(("a",), 5)]


def test_every_spelling_of_a_name_that_stands_twice_is_found() -> None:
    assert found(b'{"a": 1, "a": 2}') == [(("a",), 1), (("a",), 2)]
