"""What a scan lets go of, what it keeps back, and when it refuses; cut in every way."""

import gzip
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from bottle_sidecar.egress.decoding import UnreadableBodyError, decoders
from bottle_sidecar.egress.scan import MAX_UNSEEN, BodyScan, MessageScan
from bottle_sidecar.policy.document import Dlp, Route
from bottle_sidecar.policy.screen import LeakError, Screen, Watch

SECRET = "pA55-gK3tYw8ZuN5hJ1cEr7V"
SCREEN = Screen(secrets=[SECRET], honeytokens={})
ROUTE = Route(host="api.test")


def watch(route: Route = ROUTE) -> Callable[[], Watch]:
    return lambda: SCREEN.watch(route, "body", lambda _: None)


def released(scan: BodyScan, data: bytes, size: int) -> list[bytes]:
    """What goes on, chunk by chunk; the last entry is what the end releases."""
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    return [b"".join(scan(chunk)) for chunk in [*chunks, b""]]


def feed(scan: BodyScan, data: bytes, size: int, gone: list[bytes]) -> None:
    """Adds to `gone` what goes on."""
    for start in range(0, len(data), size):
        gone += scan(data[start : start + size])


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 80), st.booleans())
def test_clean_bodies_arrive_as_they_are(body: bytes, size: int, announced: bool) -> None:  # noqa: FBT001
    scan = BodyScan(watch(), length=len(body) if announced else None)
    assert b"".join(released(scan, body, size)) == body


@settings(max_examples=50, deadline=None)
@given(st.text("abc ", max_size=100), st.text("abc ", max_size=100), st.integers(1, 80))
def test_no_cut_hides_a_secret(before: str, after: str, size: int) -> None:
    gone: list[bytes] = []
    with pytest.raises(LeakError):
        feed(BodyScan(watch()), f"{before} {SECRET} {after}".encode(), size, gone)
    assert SECRET.encode()[:5] not in b"".join(gone)


def test_clean_chunks_go_at_once_and_the_announced_end_waits() -> None:
    assert released(BodyScan(watch()), b"words " * 4, 6) == [b"words "] * 4 + [b""]
    assert released(BodyScan(watch(), length=24), b"words " * 4, 6) == [b"words "] * 3 + [b"", b"words "]


@pytest.mark.parametrize("size", [10, 1000])
def test_a_compressed_body_lags_by_one_chunk(size: int) -> None:
    body = gzip.compress(bytes(range(256)) * 40, compresslevel=0)[:10_000]
    parts = released(BodyScan(watch(), undo=decoders("gzip")), body, size)
    assert b"".join(parts) == body
    assert parts[3:-1] == [body[start : start + size] for start in range(0, len(body), size)][2:-1]


def test_a_block_is_kept_until_it_shows_what_it_holds() -> None:
    """The far side could read a block that is not compressed before the decoder gives any of it."""
    stored = zstandard.ZstdCompressor(level=1).compress(gzip.compress(bytes(range(256)) * 400)[:70_000])
    parts = released(BodyScan(watch(), undo=decoders("zstd")), stored, 500)
    assert b"".join(parts) == stored


def test_a_body_that_shows_nothing_is_refused() -> None:
    skipped = b"\x50\x2a\x4d\x18" + (2**31).to_bytes(4, "little")
    scan = BodyScan(watch(), undo=decoders("zstd"))
    with pytest.raises(UnreadableBodyError, match="show nothing"):
        feed(scan, skipped + bytes(2 * MAX_UNSEEN), 100_000, [])


def test_what_cannot_be_read_goes_on_where_that_is_forgiven() -> None:
    heard: list[str] = []
    scan = BodyScan(
        watch(Route(host="api.test", dlp=Dlp.WARN)),
        undo=decoders("gzip"),
        forgive=lambda error: heard.append(str(error)),
    )
    assert b"".join(released(scan, b"no gzip at all", 5)) == b"no gzip at all"
    assert len(heard) == 1


def test_a_compressed_body_is_also_read_as_it_stands() -> None:
    """A comment in a gzip header, say, which no decoder gives."""
    commented = b"\x1f\x8b\x08\x10" + bytes(6) + SECRET.encode() + b"\0" + gzip.compress(b"x")[10:]
    assert gzip.decompress(commented) == b"x"
    with pytest.raises(LeakError):
        released(BodyScan(watch(), undo=decoders("gzip")), commented, 1000)


class TestMessages:
    def test_a_secret_over_messages(self) -> None:
        scan = MessageScan(watch(), watch())
        scan.data(SECRET[:9].encode(), finished=True)
        assert scan.holds
        with pytest.raises(LeakError):
            scan.data(SECRET[9:].encode(), finished=True)

    def test_what_follows_lets_go(self) -> None:
        scan = MessageScan(watch(), watch())
        scan.data(SECRET[:9].encode(), finished=True)
        scan.data(b"other", finished=True)
        assert not scan.holds

    def test_control_frames_do_not_part_what_belongs_together(self) -> None:
        scan = MessageScan(watch(), watch())
        scan.data(SECRET[:9].encode(), finished=False)
        scan.control(b"ping")
        with pytest.raises(LeakError):
            scan.data(SECRET[9:].encode(), finished=True)
