"""Secrets in responses, however they are cut and compressed."""

import gzip
import zlib

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http

from bottle_sidecar.egress.decoding import UnreadableBodyError, decoders
from bottle_sidecar.egress.mask import BodyMask, ResponseMask
from bottle_sidecar.policy.masking import Needles

SECRET = "sk-real-0123456789abcdef"
PLAIN = f"before {SECRET} after".encode()
MASKED = PLAIN.replace(SECRET.encode(), b"*" * len(SECRET))


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


COMPRESSED = {
    "gzip": gzip.compress(PLAIN),
    "x-gzip": gzip.compress(PLAIN[:9]) + gzip.compress(PLAIN[9:]),
    "deflate": zlib.compress(PLAIN),
    "Deflate": raw_deflate(PLAIN),
    "br": brotli.compress(PLAIN),
    "zstd": zstandard.compress(PLAIN),
    "identity": PLAIN,
    "": PLAIN,
    "gzip, br": brotli.compress(gzip.compress(PLAIN)),
}


def streamed(mask: BodyMask, data: bytes, size: int) -> bytes:
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    given_back = [part for chunk in [*chunks, b""] for part in mask(chunk)]
    assert all(given_back)
    return b"".join(given_back)


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("encoding", COMPRESSED)
def test_every_encoding(encoding: str, size: int) -> None:
    mask = BodyMask(Needles([SECRET]), decoders(encoding))
    assert streamed(mask, COMPRESSED[encoding], size) == MASKED


@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(1, 60))
def test_however_it_is_cut(before: bytes, after: bytes, size: int) -> None:
    body = before + SECRET.encode() + after
    found = streamed(BodyMask(Needles([SECRET])), body, size)
    assert len(found) == len(body)
    assert SECRET.encode() not in found


def test_an_event_is_not_held_back() -> None:
    mask = BodyMask(Needles([SECRET]))
    assert b"".join(mask(b"data: hello\n\n")) == b"data: hello\n\n"


@pytest.mark.parametrize("encoding", ["compress", "gzip, x-unknown", "exi"])
def test_an_unknown_encoding(encoding: str) -> None:
    with pytest.raises(UnreadableBodyError):
        decoders(encoding)


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
def test_a_broken_body(encoding: str) -> None:
    with pytest.raises(UnreadableBodyError):
        streamed(BodyMask(Needles([SECRET]), decoders(encoding)), b"\xff\xfenot compressed at all", 100)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb(encoding: str) -> None:
    bomb = gzip.compress(bytes(70_000_000)) if encoding == "gzip" else zlib.compress(bytes(70_000_000))
    with pytest.raises(UnreadableBodyError, match="expands"):
        streamed(BodyMask(Needles([SECRET]), decoders(encoding)), bomb, len(bomb))


def test_headers_of_a_decoded_body_tell_the_truth() -> None:
    response = http.Response.make(200, b"", {"content-encoding": "gzip", "content-length": "5"})
    ResponseMask([SECRET]).body(response)
    assert "content-encoding" not in response.headers
    assert "content-length" not in response.headers
    assert response.headers["transfer-encoding"] == "chunked"


def test_headers_are_masked() -> None:
    headers = http.Headers(location=f"https://x/?t={SECRET}")
    ResponseMask([SECRET]).headers(headers)
    assert headers["location"] == "https://x/?t=" + "*" * len(SECRET)


def test_what_is_learned_is_masked_from_then_on() -> None:
    mask = ResponseMask([SECRET])
    assert mask.message(b"sk-new-0123456789") == b"sk-new-0123456789"
    mask.learn([SECRET, "sk-new-0123456789"])
    assert mask.message(f"{SECRET} sk-new-0123456789".encode()) == b"*" * len(SECRET) + b" " + b"*" * 17
