import base64
import json
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle_sidecar.policy.masking import Masker, Needles

SECRET = "sk-ant-0123456789/abc+DEF=="
SECRETS = (SECRET, "aabaabaab", "baabaabaaX")
NEEDLES = Needles(SECRETS)
PIECES = [form for form in NEEDLES.forms if len(form) < 60]


def stream(chunks: list[bytes]) -> bytes:
    masker = Masker(NEEDLES)
    return b"".join([*map(masker.feed, chunks), masker.finish()])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Bodies of secrets, beginnings and ends of secrets, and filler, side by side."""
    whole = st.sampled_from(PIECES)
    part = st.tuples(whole, st.integers(0, 60), st.integers(0, 60)).map(lambda p: p[0][p[1] :][: p[2]])
    return b"".join(
        draw(st.lists(st.one_of(whole, part, st.sampled_from([b"a", b"aab", b" ", b"\n"])), max_size=8))
    )


@given(bodies(), st.lists(st.integers(0, 2000), max_size=12))
def test_the_result_does_not_depend_on_the_chunks(body: bytes, places: list[int]) -> None:
    assert stream(cut(body, places)) == Masker(NEEDLES).mask(body)


@given(bodies(), st.lists(st.integers(0, 2000), max_size=12))
def test_no_spelling_survives_and_nothing_else_changes(body: bytes, places: list[int]) -> None:
    masked = stream(cut(body, places))

    assert len(masked) == len(body)
    assert not any(form in masked for form in NEEDLES.forms)
    assert all(after in (before, ord("*")) for before, after in zip(body, masked, strict=True))


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        json.dumps({"k": SECRET}),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d"),
        SECRET.encode().hex(),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        base64.urlsafe_b64encode(f"u:{SECRET}".encode()).decode(),
        SECRET.replace("/", "\\/"),
    ],
)
def test_each_spelling_is_masked_at_every_cut(spelling: str) -> None:
    body = b"<" + spelling.encode() + b">"
    whole = Masker([SECRET]).mask(body)
    assert b"*" in whole

    for place in range(len(body)):
        masker = Masker([SECRET])
        assert masker.feed(body[:place]) + masker.feed(body[place:]) + masker.finish() == whole


def test_clean_traffic_is_not_delayed() -> None:
    masker = Masker(NEEDLES)
    event = b'data: {"text":"hello"}\n\n'

    assert masker.feed(event) is event
    assert masker.finish() == b""


def test_only_the_beginning_of_a_secret_is_held_back() -> None:
    masker = Masker([SECRET])

    assert masker.feed(b"x sk-ant") == b"x "
    assert masker.feed(b"-other sk-") == b"sk-ant-other "
    assert masker.finish() == b"sk-"
    assert masker.finish() == b""


def test_a_stream_starts_anew_after_finish() -> None:
    masker = Masker([SECRET])
    masker.feed(SECRET[:10].encode())
    masker.finish()

    assert masker.feed(SECRET[10:].encode()) + masker.finish() == SECRET[10:].encode()


def test_headers_are_masked_as_text() -> None:
    masker = Masker([SECRET])

    assert masker.mask_text(f"ü Bearer {SECRET};\udcff") == f"ü Bearer {'*' * len(SECRET)};\udcff"


def test_without_secrets_everything_passes() -> None:
    masker = Masker([])

    assert masker.feed(b"anything") + masker.finish() == b"anything"
    assert Masker(["short"]).mask(b"short") == b"short"
