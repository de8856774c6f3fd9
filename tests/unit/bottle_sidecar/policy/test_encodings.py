import base64
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle_sidecar.policy.encodings import SHORTEST, encoded_forms

SECRETS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=12, max_size=40)


@given(SECRETS, st.binary(max_size=5), st.binary(max_size=5))
def test_base64_is_recognised_in_any_surroundings(secret: str, before: bytes, after: bytes) -> None:
    whole = before + secret.encode() + after
    forms = encoded_forms(secret)

    for encoded in (base64.b64encode(whole), base64.urlsafe_b64encode(whole)):
        assert any(form in encoded for form in forms)


@given(SECRETS)
def test_other_spellings_are_recognised(secret: str) -> None:
    forms = encoded_forms(secret)

    for spelling in (
        secret,
        secret.encode().hex(),
        secret.encode().hex().upper(),
        quote(secret),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        html.escape(secret),
    ):
        assert spelling.encode() in forms


def test_letters_beyond_ascii_are_known_in_both_charsets() -> None:
    forms = encoded_forms("pässwörter")

    assert "pässwörter".encode() in forms
    assert "pässwörter".encode("latin-1") in forms
    assert b"p\\u00e4ssw\\u00f6rter" in forms
    assert b"p%c3%a4ssw%c3%b6rter" in forms


@pytest.mark.parametrize("secret", ["", "a", "short"])
def test_short_values_have_no_plain_form(secret: str) -> None:
    assert all(len(form) >= SHORTEST for form in encoded_forms(secret))
    assert secret.encode() not in encoded_forms(secret)
