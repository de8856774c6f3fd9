import base64
import json
import secrets
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bottle.providers.chatgpt import ChatGptLogin
from bottle.providers.login import LoginError
from bottle_sidecar.policy.dlp.findings import Depth, KnownSecret
from bottle_sidecar.policy.dlp.scanner import Scanner
from support import logins

NOW = 1_800_000_000.0
LATER = NOW + 10 * logins.HOUR
SHORTEST = 8  # characters of what is told from chance


def parsed(document: object) -> ChatGptLogin:
    return ChatGptLogin.parse(json.dumps(document).encode(), now=NOW)


def claims(token: str) -> Any:
    head, body, _ = token.split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "none", "typ": "JWT"}
    return json.loads(base64.urlsafe_b64decode(body + "=="))


def strings(value: object) -> set[str]:
    """Every text in a document, those within its JWTs included."""
    if isinstance(value, dict):
        return set().union(*map(strings, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(strings, value)) if value else set()
    if not isinstance(value, str):
        return set()
    found = {value}
    if value.count(".") == 2 and value.startswith("ey"):
        found |= set(value.split(".")) | strings(
            json.loads(base64.urlsafe_b64decode(value.split(".")[1] + "=="))
        )
    return found


def assert_nothing_but_what_is_public(document: dict[str, Any]) -> None:
    login = parsed(document)
    held = login.document(login.placeholder())
    shown = held.decode() + json.dumps(sorted(strings(json.loads(held))))
    public = {login.account, "enterprise", logins.CLAIM, "https://api.openai.com/v1"}
    hidden = {text for text in strings(document) if len(text) >= SHORTEST and text not in public}
    assert [text for text in hidden if text in shown] == []
    assert set(json.loads(held)) == {"auth_mode", "OPENAI_API_KEY", "tokens", "last_refresh"}
    scanner = Scanner(known=[KnownSecret(value=login.token.reveal())])
    assert scanner.text(held, depth=Depth.KNOWN, place="body") is None


ACCESS = logins.access_token(expires=LATER)
CORPUS: dict[str, dict[str, Any]] = {
    "as Codex writes it": logins.auth_json(ACCESS),
    "before there was a mode": {k: v for k, v in logins.auth_json(ACCESS).items() if k != "auth_mode"},
    "with a key that was exchanged": logins.auth_json(
        ACCESS, OPENAI_API_KEY=f"sk-proj-{secrets.token_hex(32)}"
    ),
    "with agent identity": logins.auth_json(
        ACCESS, agent_identity={"key": secrets.token_hex(32), "n": [1, None]}
    ),
    "with what nobody knows yet": logins.auth_json(
        ACCESS,
        session_key=secrets.token_hex(16),
        device={"id": secrets.token_hex(16)},
        more=[[{"x": "y" * 40}]],
    ),
    "with more tokens": logins.auth_json(
        ACCESS, tokens={**logins.auth_json(ACCESS)["tokens"], "device_secret": secrets.token_hex(16)}
    ),
    "a business account": logins.auth_json(
        logins.access_token(
            expires=LATER, chatgpt_plan_type="enterprise", organizations=[{"title": "Ada and Sons"}]
        )
    ),
    "a plan that is a sentence": logins.auth_json(
        logins.access_token(expires=LATER, chatgpt_plan_type="Ada's very own plan")
    ),
    "no account at the top": logins.auth_json(ACCESS, account=None),
}


@pytest.mark.parametrize("document", CORPUS.values(), ids=CORPUS)
def test_agent_sees_nothing_but_what_is_public(document: dict[str, Any]) -> None:
    assert_nothing_but_what_is_public(document)


SECRETS = st.integers(0, 2**128 - 1).map("{:032x}".format)
VALUES = st.recursive(
    SECRETS | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SECRETS, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=50, deadline=None)
@given(
    top=st.dictionaries(SECRETS, VALUES, max_size=3),
    tokens=st.dictionaries(SECRETS, VALUES, max_size=3),
    auth=st.dictionaries(SECRETS, VALUES, max_size=3),
    plan=VALUES.filter(lambda plan: not isinstance(plan, str)),
)
def test_unknown_fields_are_dropped_wherever_they_stand(
    top: dict[str, Any], tokens: dict[str, Any], auth: dict[str, Any], plan: object
) -> None:
    access = logins.access_token(expires=LATER, **{**auth, "chatgpt_plan_type": plan})
    document = logins.auth_json(access, **top)
    document["tokens"] |= tokens
    assert_nothing_but_what_is_public(document)


def test_placeholder_tells_end_account_and_plan() -> None:
    login = parsed(logins.auth_json(ACCESS))
    placeholder = login.placeholder()
    tokens = json.loads(login.document(placeholder))["tokens"]

    assert claims(placeholder) == {
        "exp": int(LATER),
        "email": "redacted@example.invalid",
        logins.CLAIM: {"chatgpt_account_id": logins.ACCOUNT, "chatgpt_plan_type": "plus"},
    }
    assert tokens["access_token"] == tokens["id_token"] == placeholder
    assert tokens["account_id"] == logins.ACCOUNT
    assert placeholder != login.placeholder()


def test_no_run_of_the_placeholder_is_one_of_the_real_token() -> None:
    """However their letters are aligned: a scan looks for runs of a secret, and would find it here."""
    mine = runs(parsed(logins.auth_json(ACCESS)).placeholder())
    about = {"chatgpt_account_id": logins.ACCOUNT, "chatgpt_plan_type": "plus"}
    for padding in range(3):
        real = logins.jwt({"jti": "x" * padding, "exp": int(LATER), logins.CLAIM: about})
        assert not mine & runs(real)


def runs(text: str) -> set[str]:
    return {text[start : start + 64] for start in range(len(text) - 63)}


def test_plan_of_an_unknown_form_is_not_shown() -> None:
    """The identity token, which has one, is asked next."""
    document = CORPUS["a plan that is a sentence"]
    alone = {**document, "tokens": {**document["tokens"], "id_token": None}}

    assert (parsed(document).plan, parsed(alone).plan) == ("plus", "unknown")


def test_selected_account_is_the_file_s_not_the_token_s() -> None:
    assert parsed(logins.auth_json(ACCESS, account="another-account")).account == "another-account"


@pytest.mark.parametrize("part", ["access_token", "id_token", "refresh_token"])
def test_each_placeholder_is_a_honeytoken_of_one_owner(part: str) -> None:
    """Whole, and in any case; the two that no route takes are pieces of the one that a route does."""
    login = parsed(logins.auth_json(ACCESS))
    placeholder = login.placeholder()
    scanner = Scanner(known=[KnownSecret(value=placeholder, owner=login.token_ref, honeytoken=True)])
    stolen = json.loads(login.document(placeholder))["tokens"][part]

    found = scanner.text(f"x={stolen}".encode(), depth=Depth.KNOWN, place="body")

    assert found
    assert (found.honeytoken, found.owner) == (True, login.token_ref)


def without(name: str) -> dict[str, Any]:
    document = logins.auth_json(ACCESS)
    del document["tokens"][name]
    return document


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "not a JSON object"),
        ({}, "not a login with ChatGPT"),
        ({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-1"}, "not a login with ChatGPT"),
        (logins.auth_json(ACCESS, auth_mode="apikey"), "not a login with ChatGPT"),
        (logins.auth_json(ACCESS, tokens="none"), "not a login with ChatGPT"),
        (without("access_token"), "not a JWT"),
        (logins.auth_json("opaque-token"), "not a JWT"),
        (logins.auth_json("a.b.c"), "does not say when it ends"),
        (logins.auth_json(logins.jwt([1])), "does not say when it ends"),
        (logins.auth_json(logins.jwt({"exp": True})), "does not say when it ends"),
        (logins.auth_json(logins.jwt({"exp": "soon"})), "does not say when it ends"),
        (logins.auth_json(logins.access_token(expires=NOW)), "has expired"),
        (logins.auth_json(ACCESS, account="two words"), "which account"),
        (logins.auth_json(ACCESS, account=""), "which account"),
    ],
)
def test_what_cannot_be_lent_is_refused_without_a_quote(document: object, reason: str) -> None:
    with pytest.raises(LoginError, match=reason) as caught:
        parsed(document)
    assert ACCESS not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"null"])
def test_what_is_no_document_is_refused(content: bytes) -> None:
    with pytest.raises(LoginError, match="not a JSON object"):
        ChatGptLogin.parse(content, now=time.time())


def test_login_is_not_shown() -> None:
    assert ACCESS not in repr(parsed(logins.auth_json(ACCESS)))
