import pytest
from mitmproxy import http

from bottle_sidecar.egress.inject import Injector, MissingTokenError
from bottle_sidecar.policy.document import Auth, AuthScheme, Policy, Route

TOKEN = "sk-real-0123456789abcdef"
AUTH = Auth(scheme=AuthScheme.BEARER, token_ref="T")
ROUTE = Route(host="api.test", auth=AUTH)


def injector(tokens: dict[str, str]) -> Injector:
    return Injector(tokens=tokens, placeholders={"T": "placeholder-1"})


def applied(route: Route, version: str = "HTTP/1.1", **headers: str) -> dict[str, str]:
    fields = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    request = http.Request.make("GET", "https://api.test/", headers=http.Headers(fields))
    request.http_version = version
    injector({"T": TOKEN}).apply(route, request)
    return {name.decode(): value.decode("latin-1") for name, value in request.headers.fields}


def test_the_route_s_credential_goes_in() -> None:
    assert applied(ROUTE, authorization="Bearer own")["Authorization"] == f"Bearer {TOKEN}"


def test_http2_names_are_lower_case() -> None:
    assert "authorization" in applied(ROUTE, "HTTP/2.0")


def test_bytes_outside_ascii_pass_unharmed() -> None:
    assert applied(Route(host="api.test"), x="\u00e9")["x"] == "\u00e9"


@pytest.mark.parametrize("tokens", [{}, {"T": ""}, {"T": "line\nbreak"}, {"U": TOKEN}])
def test_a_token_that_cannot_be_sent_is_an_error_at_start(tokens: dict[str, str]) -> None:
    with pytest.raises(MissingTokenError, match=r"route api.test: the value of T") as raised:
        injector(tokens).check(Policy(routes=(ROUTE,)))
    assert "line" not in str(raised.value).replace("line break", "")


def test_passwords_within_tokens_are_secret_too() -> None:
    assert set(injector({"T": "user:hunter2hunter2"}).secrets()) == {"user:hunter2hunter2", "hunter2hunter2"}


def test_secrets_are_not_shown() -> None:
    assert TOKEN not in repr(injector({"T": TOKEN}))


def test_renewed_token_is_sent_and_the_old_one_stays_a_secret() -> None:
    policy = Policy(routes=(ROUTE,))
    renewed = injector({"T": TOKEN}).renewed({"T": "sk-new"}, policy)

    assert renewed.tokens == {"T": "sk-new"}
    assert set(renewed.secrets()) == {TOKEN, "sk-new"}
    assert set(renewed.renewed({"T": "sk-newer"}, policy).secrets()) == {TOKEN, "sk-new", "sk-newer"}


@pytest.mark.parametrize("tokens", [{"U": "sk-new"}, {"T": ""}, {"T": "line\nbreak"}])
def test_what_cannot_be_sent_renews_nothing(tokens: dict[str, str]) -> None:
    with pytest.raises(MissingTokenError):
        injector({"T": TOKEN}).renewed(tokens, Policy(routes=(ROUTE,)))
