"""One search for all spellings."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle_sidecar.policy.dlp.findings import KnownSecret
from bottle_sidecar.policy.dlp.values import Heads, KnownSecrets, Literals, skeleton


@given(st.lists(st.binary(min_size=5, max_size=12), min_size=1, max_size=6), st.binary(max_size=30))
def test_the_end_of_a_text_is_live_as_far_as_a_form_begins_with_it(forms: list[bytes], text: bytes) -> None:
    forms = [form.replace(b"\0", b"x") for form in forms]
    live = max(
        (at for at in range(4, len(text) + 1) if any(form.startswith(text[-at:]) for form in forms)),
        default=0,
    )

    assert Heads(forms).live_tail(text) == live


def test_nothing_is_found_for_nothing() -> None:
    assert not KnownSecrets([])
    assert Literals({}).found(b"text") == frozenset()
    assert Heads([]).live_tail(b"text") == 0


@pytest.mark.parametrize("value", ["", "short", "1234567"])
def test_a_short_value_is_not_looked_for(value: str) -> None:
    known = KnownSecrets([KnownSecret(value=value)])

    assert list(known.found(f"{value} in a text".encode(), ())) == []


def test_a_short_value_is_looked_for_where_its_spelling_is_long() -> None:
    known = KnownSecrets([KnownSecret(value="1234567")])

    assert len(list(known.found(b"1234567".hex().encode(), ()))) == 1


@given(st.binary(max_size=9))
def test_base32_is_known_in_each_alignment(before: bytes) -> None:
    value = "a-secret-value-of-some-length"
    known = KnownSecrets([KnownSecret(value=value)])

    assert len(list(known.found(base64.b32encode(before + value.encode()).lower(), ()))) == 1


def test_two_secrets_with_one_spelling_are_two() -> None:
    known = KnownSecrets([KnownSecret(value="same-value"), KnownSecret(value="same-value", honeytoken=True)])

    assert len(list(known.found(b"same-value", ()))) == 2


def test_what_belongs_is_told() -> None:
    known = KnownSecrets([KnownSecret(value="placeholder-1", honeytoken=True, owner="ONE")])

    assert known.belongs(b"Bearer placeholder-1", ["ONE"])
    assert not known.belongs(b"Bearer placeholder-1", ["TWO"])
    assert not known.belongs(b"Bearer placeholder-2", ["ONE"])


def test_a_skeleton_has_letters_and_digits_alone() -> None:
    assert skeleton(b'["a-1", "B_2"]\n\xe4') == b"a1B2"
