"""The login of a ChatGPT account as Codex keeps it in `auth.json`, and one in its place for the agent."""

import base64
import binascii
import json
import re
import secrets as random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self

from attrs import frozen

from bottle.providers.login import HostLogin, LoginError
from bottle.secret import Secret

_CLAIM = "https://api.openai.com/auth"
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLAN = re.compile(r"[a-z0-9_]{1,32}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_UNKNOWN_PLAN = "unknown"
_EMAIL = "redacted@example.invalid"
_SIGNATURE = 256  # bytes, as of RSA 2048; longer than the rest, since a scan looks at a token's second half
_REFRESH = 64  # characters, of which a scan knows each run as the placeholder's


@frozen(kw_only=True)
class ChatGptLogin(HostLogin):
    """`plan`: what the account is subscribed to. `read`: when, in seconds of the epoch."""

    token_ref = "chatgpt-login"  # noqa: S105 - a name, and of a form that no variable has
    plan: str
    read: float

    @classmethod
    def parse(cls, content: bytes, *, now: float) -> Self:
        """The login in an `auth.json`. Raises LoginError for another kind, and for one that is over."""
        document = _object(content, "it is not a JSON object")
        tokens = document.get("tokens")
        if document.get("auth_mode") == "apikey" or not isinstance(tokens, Mapping):
            raise LoginError("it is not a login with ChatGPT")
        access = tokens.get("access_token")
        if not isinstance(access, str) or not _TOKEN.fullmatch(access):
            raise LoginError("its access token is not a JWT")
        claims = _claims(access)
        expires = claims.get("exp")
        if isinstance(expires, bool) or not isinstance(expires, int):
            raise LoginError("its access token does not say when it ends")
        if expires <= now:
            raise LoginError("its access token has expired")
        account = _account(tokens, claims)
        plan = _told("chatgpt_plan_type", _PLAN, tokens, claims) or _UNKNOWN_PLAN
        return cls(token=Secret(access), account=account, expires=expires, plan=plan, read=now)

    def placeholder(self) -> str:
        """An unsigned JWT with the real end, account and plan.

        It is written with spaces, as no real one is: so no run of it is one of the real token's.
        """
        auth = {"chatgpt_account_id": self.account, "chatgpt_plan_type": self.plan}
        claims = {"exp": self.expires, "email": _EMAIL, _CLAIM: auth}
        head = json.dumps({"alg": "none", "typ": "JWT"})
        parts = (head.encode(), json.dumps(claims).encode(), random.token_bytes(_SIGNATURE))
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)

    def document(self, placeholder: str) -> bytes:
        """An `auth.json` made anew: what Codex does not need, or we do not know, is not in it."""
        login = {
            "auth_mode": "chatgpt",
            "OPENAI_API_KEY": None,
            "tokens": {
                "id_token": placeholder,
                "access_token": placeholder,
                "refresh_token": f"placeholder-{placeholder[-_REFRESH:]}",
                "account_id": self.account,
            },
            "last_refresh": datetime.fromtimestamp(self.read, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return json.dumps(login, indent=2).encode()


def _account(tokens: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """The account that the operator has selected; where the file does not say, the token's."""
    selected = tokens.get("account_id")
    if selected is None:
        selected = _told("chatgpt_account_id", _ACCOUNT, tokens, claims)
    if not isinstance(selected, str) or not _ACCOUNT.fullmatch(selected):
        raise LoginError("it does not say which account is selected")
    return selected


def _told(
    name: str, form: re.Pattern[str], tokens: Mapping[str, Any], claims: Mapping[str, Any]
) -> str | None:
    """What the access token, or else the identity token, says of the account, where it has the right form."""
    for source in (claims, _claims(tokens.get("id_token"))):
        auth = source.get(_CLAIM)
        value = auth.get(name) if isinstance(auth, Mapping) else None
        if isinstance(value, str) and form.fullmatch(value):
            return value
    return None


def _claims(token: object) -> Mapping[str, Any]:
    """What a JWT says, unchecked: the operator's own file is believed. Nothing where it is none."""
    parts = token.split(".") if isinstance(token, str) else []
    if len(parts) != len(("head", "claims", "signature")):
        return {}
    try:
        return _object(base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_"), "")
    except (binascii.Error, LoginError):
        return {}


def _object(content: bytes, problem: str) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise LoginError(problem)
    return document
