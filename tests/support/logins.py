"""Login files as Codex writes them on a host, with credentials that open nothing."""

import base64
import json
import secrets
import time
from pathlib import Path
from typing import Any

ACCOUNT = "6f1c9b52-6a0f-4c5e-9d3b-0c9a4f1e7d22"
CLAIM = "https://api.openai.com/auth"
HOUR = 3600


def jwt(claims: object) -> str:
    """A JWT of the form of a real one: compact, and signed with something as long as a real signature."""
    parts = (
        _compact({"alg": "RS256", "kid": "k1", "typ": "JWT"}),
        _compact(claims),
        secrets.token_bytes(256),
    )
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def access_token(*, expires: float, account: str = ACCOUNT, **auth: Any) -> str:
    """The claims of a real one."""
    about = {
        "chatgpt_account_id": account,
        "chatgpt_account_user_id": f"user-{secrets.token_hex(12)}__{account}",
        "chatgpt_plan_type": "plus",
        "chatgpt_user_id": f"user-{secrets.token_hex(12)}",
        **auth,
    }
    return jwt(
        {
            "aud": ["https://api.openai.com/v1"],
            "client_id": f"app_{secrets.token_hex(12)}",
            "exp": int(expires),
            CLAIM: about,
            "https://api.openai.com/profile": {"email": "ada@example.com", "email_verified": True},
            "iat": int(expires) - 240 * HOUR,
            "jti": secrets.token_hex(16),
            "scp": ["openid", "profile", "email", "offline_access"],
            "session_id": f"authsess_{secrets.token_hex(12)}",
            "sub": f"auth0|{secrets.token_hex(12)}",
        }
    )


def auth_json(access: str, *, account: str | None = ACCOUNT, **fields: Any) -> dict[str, Any]:
    """`fields` replace, or add to, those at the top."""
    tokens = {
        "id_token": access_token(expires=time.time() - HOUR),
        "access_token": access,
        "refresh_token": f"rt_{secrets.token_urlsafe(64)}",
        "account_id": account,
    }
    return {
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": None,
        "tokens": tokens,
        "last_refresh": "2026-11-20T08:30:11.123456789Z",
        **fields,
    }


def write(path: Path, document: object) -> None:
    """In one step, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document))
    part.rename(path)


def _compact(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
