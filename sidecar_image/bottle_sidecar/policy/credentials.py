"""Which credentials leave with a request: the route's own, never what the agent made up.

The agent holds a placeholder per token. Where its own client built a credential header from the
placeholder, the placeholder is replaced in place, so that the client's choice of header and scheme
stands; else the agent's credential headers go and the route's header comes. Errors never hold a value.
"""

import base64
import binascii
import re
from collections.abc import Sequence

from bottle_sidecar.policy.document import Auth, AuthScheme

Headers = list[tuple[str, str]]

PROXY_AUTHORIZATION = "proxy-authorization"
CREDENTIAL_HEADERS = frozenset(
    {
        "authorization",
        "x-api-key",
        "api-key",
        "apikey",
        "x-goog-api-key",
        "x-auth-token",
        "x-access-token",
        "x-amz-security-token",
        "private-token",
        "job-token",
        "deploy-token",
    }
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSAFE_VALUE = re.compile(r"[\x00-\x1f\x7f]")
_BASIC = re.compile(r"(basic +)([A-Za-z0-9+/_-]+=*) *", re.IGNORECASE)


class CredentialError(ValueError):
    """A token or header name that cannot stand in a request; the text never holds the value."""


def check_secret(auth: Auth, secret: str) -> None:
    """Raises CredentialError where `secret` cannot be injected as `auth` says. Called once, at start."""
    if not secret:
        raise CredentialError(f"the value of {auth.token_ref} is empty")
    if _UNSAFE_VALUE.search(secret):
        raise CredentialError(f"the value of {auth.token_ref} has a line break or control character")
    if secret != secret.strip():
        raise CredentialError(f"the value of {auth.token_ref} starts or ends with a space")
    if any(ord(letter) > 0xFF for letter in secret):
        raise CredentialError(f"the value of {auth.token_ref} has letters outside Latin-1")
    if auth.scheme is AuthScheme.BASIC and ":" not in secret:
        raise CredentialError(f"the value of {auth.token_ref} is not user:token, which scheme basic needs")
    if not _HEADER_NAME.fullmatch(auth.header):
        raise CredentialError(f"{auth.header!a} is not a header name")


def inject(headers: Sequence[tuple[str, str]], auth: Auth, secret: str, placeholder: str | None) -> Headers:
    """The headers to send upstream on a route with `auth`; order and spelling of the others are kept.

    Names are compared as servers do that take `_` for `-`; one that had the placeholder twice is sent
    once. With scheme `basic` the value is user and token together, so the whole header is set.
    """
    sensitive = CREDENTIAL_HEADERS | {_key(auth.header)}
    kept: Headers = []
    replaced: set[str] = set()
    for name, value in headers:
        key = _key(name)
        if key == PROXY_AUTHORIZATION:
            continue
        if key not in sensitive:
            kept.append((name, value))
            continue
        ours = None if auth.scheme is AuthScheme.BASIC else _replace(value, placeholder, secret)
        if ours is not None and key not in replaced:
            replaced.add(key)
            kept.append((name, ours))
    return kept if replaced else [*kept, _own_header(auth, secret)]


def strip(headers: Sequence[tuple[str, str]]) -> Headers:
    """The headers to send on a route without `auth`: the agent's own, less what was meant for the proxy."""
    return [(name, value) for name, value in headers if _key(name) != PROXY_AUTHORIZATION]


def _key(name: str) -> str:
    return name.lower().replace("_", "-")


def _own_header(auth: Auth, secret: str) -> tuple[str, str]:
    if auth.scheme is AuthScheme.HEADER:
        return auth.header, secret
    if auth.scheme is AuthScheme.BASIC:
        return "Authorization", f"Basic {_base64(secret)}"
    return "Authorization", f"{auth.scheme.value} {secret}"


def _replace(value: str, placeholder: str | None, secret: str) -> str | None:
    """The value with the secret in the placeholder's place; None where it has no placeholder."""
    if not placeholder:
        return None
    if placeholder in value:
        return value.replace(placeholder, secret)
    match = _BASIC.fullmatch(value)
    pair = None if match is None else _unbase64(match[2])
    if match is None or pair is None or placeholder not in pair:
        return None
    return match[1] + _base64(pair.replace(placeholder, secret))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("latin-1")).decode("ascii")


def _unbase64(text: str) -> str | None:
    padded = text.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        return base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True).decode("latin-1")
    except binascii.Error:
        return None
