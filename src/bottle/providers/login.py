"""The contract of a login: the operator's own account at an agent's vendor, lent to a bottle."""

from abc import ABC, abstractmethod
from typing import ClassVar

from attrs import frozen

from bottle.secret import Secret


class LoginError(Exception):
    """A login that cannot be lent. The text says why and quotes nothing of it."""


@frozen(kw_only=True)
class HostLogin(ABC):
    """What a bottle uses of a login. The token goes to the sidecar alone, under the name `token_ref`.

    `account`: whose it is; no secret. `expires`: when the token ends, in seconds of the epoch.
    """

    token_ref: ClassVar[str]
    token: Secret
    account: str
    expires: int

    @abstractmethod
    def placeholder(self) -> str:
        """What the agent holds in the token's place: of its form, another one each time, good for nothing."""

    @abstractmethod
    def document(self, placeholder: str) -> bytes:
        """The agent's login file: the placeholder, and nothing of the operator's but what is no secret."""
