"""A known secret is found in each encoding and in each cut, and nothing is found where there is none."""

import base64
import html
import json
import quopri
import random
from collections.abc import Callable, Mapping
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bottle_sidecar.policy.dlp.findings import Depth, Finding, KnownSecret
from bottle_sidecar.policy.dlp.scanner import OVERLAP, WINDOW, Scanner

SECRET = "sk-ant-api03-Ab_9/xY+z.Q7wE-rTyUiOpAsDfGh"
PLACEHOLDER = "bottle-placeholder-0123456789abcdef0123456789abcdef"
SCANNER = Scanner(
    known=[
        KnownSecret(value=SECRET),
        KnownSecret(value=PLACEHOLDER, honeytoken=True, owner="TOKEN"),
    ]
)

Encoding = Callable[[bytes], bytes]
ESCAPES: Mapping[str, Encoding] = {
    "plain": bytes,
    "percent": lambda data: b"".join(b"%%%02x" % byte for byte in data),
    "percent, some": lambda data: quote(data, safe="/+").replace("-", "%2D").encode(),
    "json": lambda data: json.dumps(data.decode("latin-1"))[1:-1].replace("/", "\\/").encode(),
    "json, all": lambda data: b"".join(b"\\u%04X" % byte for byte in data),
    "code": lambda data: b"".join(b"\\x%02x" % byte for byte in data),
    "octal": lambda data: b"".join(b"\\%03o" % byte for byte in data),
    "html": lambda data: html.escape(data.decode("latin-1")).encode(),
    "html, all": lambda data: b"".join(b"&#x%x;" % byte for byte in data),
    "quoted-printable": lambda data: quopri.encodestring(data, quotetabs=True),
    "base64": base64.b64encode,
    "base64, url-safe": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "hex": lambda data: data.hex().encode(),
    "HEX": lambda data: data.hex().upper().encode(),
}
OUTER: Mapping[str, Encoding] = {
    **ESCAPES,
    "base64, lines": base64.encodebytes,
    "hex, spaced": lambda data: data.hex(" ").encode(),
    "utf-16": lambda data: data.decode("latin-1").encode("utf-16-le"),
    "lines": lambda data: b"\r\n  ".join(data[at : at + 7] for at in range(0, len(data), 7)),
    "list": lambda data: json.dumps([data[at : at + 9].decode() for at in range(0, len(data), 9)]).encode(),
    "base32": base64.b32encode,
}


def known(data: bytes, place: str = "body") -> Finding | None:
    return SCANNER.text(data, depth=Depth.KNOWN, place=place)


def test_a_finding_names_rule_and_place_but_not_the_secret() -> None:
    found = known(f"x={SECRET}".encode(), "header x-y")

    assert found is not None
    assert (found.rule, found.place, found.honeytoken, found.owner) == (
        "known-secret",
        "header x-y",
        False,
        None,
    )
    assert len(found.digest) == 12
    assert SECRET not in repr(found)


@pytest.mark.parametrize("encoding", OUTER.values(), ids=OUTER)
@pytest.mark.parametrize("secret", [SECRET, PLACEHOLDER])
def test_it_is_found_in_each_encoding(secret: str, encoding: Encoding) -> None:
    assert known(b'{"a": "' + encoding(secret.encode()) + b'"}') is not None


@pytest.mark.parametrize("outer", ESCAPES.values(), ids=ESCAPES)
@pytest.mark.parametrize("inner", ESCAPES.values(), ids=ESCAPES)
def test_it_is_found_in_an_encoding_of_an_encoding(inner: Encoding, outer: Encoding) -> None:
    assert known(b"token: " + outer(b"<" + inner(SECRET.encode()) + b">") + b"\n") is not None


def test_it_is_found_three_wrappings_deep() -> None:
    escaped = ESCAPES["json, all"](SECRET.encode())
    wrapped = base64.b64encode(b"a" + base64.b64encode(b"bc" + base64.b64encode(escaped)))

    assert known(b"x=" + wrapped) is not None
    assert known(b"x=" + (b"y" + base64.b64encode(wrapped)).hex().encode()) is None  # which the limit is


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(sorted(OUTER)),
    st.binary(max_size=40),
    st.lists(st.integers(1, 60), min_size=1, max_size=20),
    st.integers(0, 2 * OVERLAP),
)
def test_it_is_found_in_each_cut(name: str, before: bytes, cuts: list[int], filler: int) -> None:
    body = before + b"\n" + b"lorem ipsum " * (filler // 12) + OUTER[name](SECRET.encode()) + b" end"
    stream = SCANNER.stream(depth=Depth.KNOWN, place="body")
    found, at = [], 0
    while at < len(body):
        step = cuts[at % len(cuts)] if at > filler else 4096
        found.append(stream.feed(body[at : at + step]))
        at += step
    found.append(stream.finish())

    assert sum(one is not None for one in found) == 1


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_random_body_has_none(size: int) -> None:
    noise = random.Random(size)
    for _ in range(20):
        data = noise.randbytes(size)
        assert known(data) is None
        assert known(base64.b64encode(data)) is None


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(sorted(ESCAPES)), st.integers(5, 60))
def test_the_beginning_of_a_secret_is_held(name: str, sent: int) -> None:
    """At least the last part that was sent, so that no more than four letters leave before it is known."""
    whole = ESCAPES[name](SECRET.encode())
    stream = SCANNER.stream(depth=Depth.KNOWN, place="body")
    stream.feed(b"some text before it: ")
    for at in range(min(sent, len(whole) - 1)):
        stream.feed(whole[at : at + 1])

    sign_and_letters = 4 * len(whole) // len(SECRET) + 8
    if min(sent, len(whole) - 1) > sign_and_letters:
        assert stream.held > 0


def test_clean_text_is_not_held() -> None:
    stream = SCANNER.stream(depth=Depth.KNOWN, place="body")
    for line in ("def main() -> None:\n", '{"a": "b\\n"}', "x" * 5000, "sk"):
        stream.feed(line.encode())

        assert stream.held == 0


def test_a_placeholder_is_found_but_where_it_belongs() -> None:
    text = f"Bearer {PLACEHOLDER.upper()}".encode()
    scan = SCANNER.text(text, depth=Depth.KNOWN, place="header authorization", own=["OTHER"])

    assert scan is not None
    assert (scan.rule, scan.honeytoken, scan.owner) == ("honeytoken", True, "TOKEN")
    assert SCANNER.text(text, depth=Depth.KNOWN, place="body", own=["TOKEN"]) is None


def test_a_secret_is_no_placeholder_and_belongs_nowhere() -> None:
    scanner = Scanner(known=[KnownSecret(value=SECRET, owner="TOKEN")])

    assert scanner.text(SECRET.encode(), depth=Depth.KNOWN, place="body", own=["TOKEN"]) is not None


def test_values_of_adjacent_parameters_are_read_together() -> None:
    first, second = SECRET[:20], SECRET[20:]

    assert known(f"https://h/?a={quote(first)}&b={quote(second)}".encode()) is not None
    assert known(json.dumps({"a": first, "b": second}).encode()) is not None


def test_a_long_secret_is_found_by_its_second_half_alone() -> None:
    header = random.Random(2).randbytes(80).hex()  # that all tokens of an issuer have in common
    long = f"{header}.{random.Random(1).randbytes(600).hex()}"
    scanner = Scanner(known=[KnownSecret(value=long)])

    assert scanner.text(f"{header}.another".encode(), depth=Depth.KNOWN, place="body") is None
    assert scanner.text(long[-300:].encode(), depth=Depth.KNOWN, place="body") is not None
    assert scanner.text(base64.b64encode(long.encode()), depth=Depth.KNOWN, place="body") is not None


def test_each_finding_of_a_stream_is_returned_once() -> None:
    stream = SCANNER.stream(depth=Depth.KNOWN, place="body")

    assert stream.feed(SECRET.encode()) is not None
    assert stream.feed(SECRET.encode()) is None
    assert stream.feed(PLACEHOLDER.encode()) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"phrase=correct+horse+battery+staple%21&x=1",
        b"phrase: correct horse\n  battery staple!",
        b"Content-Transfer-Encoding: base64\r\n\r\nY29ycmVjdCBob3JzZSBi\r\nYXR0ZXJ5IHN0YXBsZSE=\r\n--b--\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=22correct=20horse batt=\r\nery=20staple!",
        "correct horse battery staple!".encode("utf-16-be"),
        b"\x00\x01\x02\x03" * 500 + b"correct%20horse%20battery%20staple!" + b"\xff\x00\x01\x02" * 500,
    ],
)
def test_a_phrase_is_found_as_forms_and_mail_carry_it(body: bytes) -> None:
    scanner = Scanner(known=[KnownSecret(value="correct horse battery staple!")])

    assert scanner.text(body, depth=Depth.KNOWN, place="body") is not None


@pytest.mark.parametrize("at", [0, 1, OVERLAP - 1, WINDOW - 5, WINDOW, 3 * WINDOW + 7])
def test_it_is_found_in_binary_data_of_any_size(at: int) -> None:
    noise = random.Random(at)
    body = noise.randbytes(at) + SECRET.encode() + noise.randbytes(WINDOW)

    assert known(body) is not None
