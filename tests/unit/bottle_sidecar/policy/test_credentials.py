import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle_sidecar.policy.credentials import (
    CREDENTIAL_HEADERS,
    CredentialError,
    check_secret,
    inject,
    strip,
)
from bottle_sidecar.policy.document import Auth, AuthScheme

SECRET = "real-secret-0123456789"
PLACEHOLDER = "bottle-placeholder-abcdef"
BEARER = Auth(scheme=AuthScheme.BEARER, token_ref="TOKEN")


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


def auth(scheme: AuthScheme, header: str = "Authorization") -> Auth:
    return Auth(scheme=scheme, token_ref="TOKEN", header=header)


@pytest.mark.parametrize(
    ("how", "secret", "header"),
    [
        (auth(AuthScheme.BEARER), SECRET, ("Authorization", f"Bearer {SECRET}")),
        (auth(AuthScheme.TOKEN), SECRET, ("Authorization", f"token {SECRET}")),
        (auth(AuthScheme.BASIC), f"user:{SECRET}", ("Authorization", basic(f"user:{SECRET}"))),
        (auth(AuthScheme.HEADER, "X-Custom"), SECRET, ("X-Custom", SECRET)),
    ],
)
def test_each_scheme_sets_its_header(how: Auth, secret: str, header: tuple[str, str]) -> None:
    check_secret(how, secret)

    assert inject([("Accept", "*/*")], how, secret, PLACEHOLDER) == [("Accept", "*/*"), header]


@pytest.mark.parametrize("name", sorted(CREDENTIAL_HEADERS | {"x-custom", "proxy-authorization"}))
def test_what_the_agent_sent_is_stripped(name: str) -> None:
    spellings = (name, name.upper(), name.title(), name.replace("-", "_"))
    headers = [(spelling, "the agent's own") for spelling in spellings]

    assert inject(headers, auth(AuthScheme.HEADER, "X-Custom"), SECRET, PLACEHOLDER) == [("X-Custom", SECRET)]


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("Authorization", f"Bearer {PLACEHOLDER}", f"Bearer {SECRET}"),
        ("authorization", f"token {PLACEHOLDER}", f"token {SECRET}"),
        ("X-Api-Key", PLACEHOLDER, SECRET),
        ("Authorization", basic(f"x-access-token:{PLACEHOLDER}"), basic(f"x-access-token:{SECRET}")),
        ("Authorization", basic(PLACEHOLDER), basic(SECRET)),
        ("Authorization", basic(f"u:{PLACEHOLDER}").replace("Basic", "BASIC ").rstrip("="), None),
    ],
)
def test_the_placeholder_is_replaced_where_the_client_put_it(name: str, value: str, sent: str | None) -> None:
    expected = sent or basic(f"u:{SECRET}").replace("Basic", "BASIC ")

    assert inject([(name, value), ("Accept", "x")], BEARER, SECRET, PLACEHOLDER) == [
        (name, expected),
        ("Accept", "x"),
    ]


def test_url_safe_basic_is_read_too() -> None:
    value = basic(f"???>>>:{PLACEHOLDER}")
    assert "/" in value

    sent = inject([("Authorization", value.replace("/", "_").replace("+", "-"))], BEARER, SECRET, PLACEHOLDER)

    assert sent == [("Authorization", basic(f"???>>>:{SECRET}"))]


def test_replaced_and_foreign_credentials_do_not_travel_together() -> None:
    headers = [("X-Api-Key", "foreign"), ("Authorization", f"Bearer {PLACEHOLDER}"), ("Api-Key", PLACEHOLDER)]

    assert inject(headers, BEARER, SECRET, PLACEHOLDER) == [
        ("Authorization", f"Bearer {SECRET}"),
        ("Api-Key", SECRET),
    ]


@pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2], [2, 1, 0]])
def test_a_duplicate_header_is_sent_once(order: list[int]) -> None:
    values = [f"Bearer {PLACEHOLDER}", f"Bearer {PLACEHOLDER}", "Bearer foreign"]
    headers = [("Authorization", values[index]) for index in order]

    assert inject(headers, BEARER, SECRET, PLACEHOLDER) == [("Authorization", f"Bearer {SECRET}")]


@pytest.mark.parametrize(
    "value",
    [
        "Basic",
        "Basic !!!",
        "Basic a",
        "Basic " + base64.b64encode(b"u:p").decode(),
        "Bearer " + base64.b64encode(PLACEHOLDER.encode()).decode(),
        "",
    ],
)
def test_a_value_without_the_placeholder_is_stripped(value: str) -> None:
    assert inject([("Authorization", value)], BEARER, SECRET, PLACEHOLDER) == [
        ("Authorization", f"Bearer {SECRET}")
    ]


def test_scheme_basic_sets_the_whole_header() -> None:
    sent = inject(
        [("Authorization", basic(f"u:{PLACEHOLDER}"))], auth(AuthScheme.BASIC), "u:real", PLACEHOLDER
    )

    assert sent == [("Authorization", basic("u:real"))]


@pytest.mark.parametrize("placeholder", [None, ""])
def test_without_a_placeholder_nothing_of_the_agents_is_kept(placeholder: str | None) -> None:
    sent = inject([("Authorization", "Bearer x")], BEARER, SECRET, placeholder)

    assert sent == [("Authorization", f"Bearer {SECRET}")]


def test_other_headers_are_untouched_even_with_the_placeholder() -> None:
    headers = [("Cookie", f"a={PLACEHOLDER}"), ("X-Echo", PLACEHOLDER), ("Cookie", "b=2")]

    assert inject(headers, BEARER, SECRET, PLACEHOLDER)[:3] == headers


@given(st.lists(st.tuples(st.sampled_from(["Authorization", "X-API-Key", "x_api_key", "Accept"]), st.text())))
def test_no_credential_of_the_agents_ever_leaves(headers: list[tuple[str, str]]) -> None:
    sent = inject(headers, BEARER, SECRET, "\0never")

    assert [(n, v) for n, v in sent if n != "Accept"] == [("Authorization", f"Bearer {SECRET}")]


@pytest.mark.parametrize(
    ("how", "secret"),
    [
        (BEARER, ""),
        (BEARER, "hidden\n"),
        (BEARER, "hid\r\nden"),
        (BEARER, "hid\0den"),
        (BEARER, " hidden"),
        (BEARER, "hidden "),
        (BEARER, "hidden\u20ac"),
        (auth(AuthScheme.BASIC), "hidden"),
        (auth(AuthScheme.HEADER, "X Custom"), "hidden"),
        (auth(AuthScheme.HEADER, ""), "hidden"),
    ],
)
def test_an_unusable_secret_is_an_error_that_does_not_show_it(how: Auth, secret: str) -> None:
    with pytest.raises(CredentialError) as caught:
        check_secret(how, secret)

    assert "hidden" not in str(caught.value)


def test_without_auth_the_agents_headers_stay() -> None:
    headers = [("Authorization", "Bearer own"), ("Proxy-Authorization", "Basic x"), ("Cookie", "c")]

    assert strip(headers) == [headers[0], headers[2]]
