"""What the scanner sees through, layer by layer."""

import base64
import random

import pytest

from bottle_sidecar.policy.dlp import layers


@pytest.mark.parametrize(
    ("text", "last"),
    [
        (b"no escapes at all", None),
        (b"a%20b%2525", b"a b%"),
        (rb"\"a\"\n\t\/\u0041\x41\101\u{41}\U00000041", b'"a"\n\t/AAAAA'),
        (rb"\\\\\\\"a\\\\u0041", b'"aA'),
        (rb"\d+\s \w", None),
        (b"&lt;&#65;&#x41;&amp;lt;", b"<AA<"),
        (rb"%5Cu0026#65;", b"A"),
        (b"100% && a &nothing", None),
        (b"&#65&#x41 &#0000000065;", b"AA A"),
        (b"%u0041%u20ac", "A\u20ac".encode()),
    ],
)
def test_escapes_are_undone_to_the_last(text: bytes, last: bytes | None) -> None:
    found = list(layers.unescaped(text))

    assert (found[-1] if found else None) == last


def test_a_text_without_signs_has_no_layers() -> None:
    text = b"plain words, and (nothing) else.\n"

    assert layers.legible(text) is text
    assert [*layers.unescaped(text), *layers.held_in_runs(text), *layers.quoted_printable_layers(text)] == []


@pytest.mark.parametrize("before", range(5))
def test_runs_are_read_in_each_alignment(before: int) -> None:
    inner = b"what is inside of it, all of it"
    for encoded in (base64.b64encode(inner), base64.urlsafe_b64encode(inner).rstrip(b"=")):
        for after in (b"", b" after"):
            found = list(layers.held_in_runs(b"x" * before + encoded + after))
            assert any(inner in one for one in found)
    assert any(inner in one for one in layers.held_in_runs(b"0" * before + inner.hex().encode()))


def test_the_end_of_a_layer_comes_from_the_end_of_the_text() -> None:
    encoded = base64.b64encode(b"what is inside of it.")

    assert any(layer.endswith(b"inside of it.") for layer in layers.held_in_runs(encoded))
    assert not any(layer.endswith(b"inside of it.") for layer in layers.held_in_runs(encoded + b" after"))


@pytest.mark.parametrize("form", ["{}", "[{}]", "x = {{ {} }};", "{}\n"])
@pytest.mark.parametrize("separator", [", ", ",", " ", ",\n        "])
@pytest.mark.parametrize("number", ["{}", "0x{:02x}", "{:3d}"])
def test_lists_of_numbers_are_bytes(form: str, separator: str, number: str) -> None:
    inner = b"what is inside of it"
    text = form.format(separator.join(map(number.format, inner))).encode()

    assert any(inner in one for one in layers.listed_bytes(text))


@pytest.mark.parametrize("text", [b"1, 2, 3", b"1.5, " * 30, b"1234, " * 30, b"256, " * 30, b"v1 " * 30])
def test_other_numbers_are_none(text: bytes) -> None:
    assert list(layers.listed_bytes(text)) == []


def test_the_last_number_of_an_open_list_may_be_half_of_one() -> None:
    numbers = b", ".join(b"%d" % byte for byte in b"what is inside of it")

    assert any(one.endswith(b"inside of it") for one in layers.listed_bytes(numbers + b", 1"))


def test_of_binary_data_the_legible_stretches_count() -> None:
    noise = random.Random(1).randbytes(10_000)

    assert len(layers.legible(noise)) < 100
    assert b"a text in between" in layers.legible(noise + b"a text in between" + noise)
    assert layers.legible(noise + b"a text at the end").endswith(b"a text at the end")
    assert layers.legible("an UTF-16 text".encode("utf-16-le")) == b"an UTF-16 text"


def test_values_are_joined() -> None:
    assert layers.joined(b"a=one&b=two") == b"a=onetwo"
    assert layers.joined(b'{"a": "one", "b": "two"}') == b'{"a": "onetwo"}'
    part = b'\r\n--x\r\nContent-Disposition: form-data; name="b"\r\n\r\n'
    assert layers.joined(b"one" + part + b"two") == b"onetwo"


def test_a_plus_is_a_space_where_a_form_shows_itself() -> None:
    assert layers.spaced(b"a=token+%3D+b") == b"a=token %3D b"
    assert layers.spaced(b"the form a=b%3A+c") == b"the form a=b%3A c"
    assert layers.spaced(b"a=b+c&d=%41") == b"a=b c&d=%41"
    assert layers.spaced(b"a+b % c") == b"a+b % c"
    assert layers.spaced(b"a form? YQ+a%2Fb") == b"a form? YQ+a%2Fb"


def test_parameters_stand_on_lines_of_their_own() -> None:
    assert layers.parameters(b"a=1&b=2") == b"a=1\nb=2"
    assert layers.parameters(b"if (a && b)") == b"if (a && b)"


@pytest.mark.parametrize("partial", [b"\\", b"\\u00", b"\\x4", b"%", b"%4", b"&#6", b"&am", b"=4", b"\\06"])
def test_an_escape_that_is_not_complete_is_left_out(partial: bytes) -> None:
    assert layers.without_partial_escape(b"text " + partial) == b"text "
