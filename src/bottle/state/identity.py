"""Identities: `<agent>-<5 random base32 chars>`, one for each launched bottle and all its resources."""

import re
import secrets

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_SHAPE = re.compile(r"[a-z][a-z0-9-]*-[a-z2-7]{5}\Z")


def new_identity(agent: str) -> str:
    return f"{agent}-{''.join(secrets.choice(_ALPHABET) for _ in range(5))}"


def is_identity(text: str) -> bool:
    return _SHAPE.match(text) is not None
