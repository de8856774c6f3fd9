"""What a scan looks for, and what it says when it has found something."""

from enum import StrEnum
from hashlib import sha256
from typing import Self

from attrs import field, frozen

_DIGEST_LENGTH = 12


class Depth(StrEnum):
    """How much is looked for: the bottle's own secrets, or rules and entropy besides."""

    KNOWN = "known"
    FULL = "full"


@frozen(kw_only=True)
class KnownSecret:
    """A value that must not leave. `owner`: the token_ref it stands for, where it is a placeholder."""

    value: str = field(repr=False)
    honeytoken: bool = False
    owner: str | None = None


@frozen(kw_only=True)
class Finding:
    """A secret seen in `place`; it never holds the secret itself.

    `rule`: `known-secret`, `honeytoken`, `entropy`, or a rule's id. `digest`: the first 12 hex digits of
    the SHA-256 of what was found. `owner`: the token_ref of a honeytoken.
    """

    rule: str
    place: str
    digest: str
    honeytoken: bool = False
    owner: str | None = None

    @classmethod
    def of_known(cls, secret: KnownSecret, place: str) -> Self:
        return cls(
            rule="honeytoken" if secret.honeytoken else "known-secret",
            place=place,
            digest=digest(secret.value.encode("utf-8", "surrogateescape")),
            honeytoken=secret.honeytoken,
            owner=secret.owner,
        )


def digest(secret: bytes) -> str:
    """What names a secret in logs: equal for equal secrets, and no way back for one of any length."""
    return sha256(secret).hexdigest()[:_DIGEST_LENGTH]
