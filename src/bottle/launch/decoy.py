"""A credential that opens nothing, laid where thieves of credentials look first.

No tool uses it by itself: it is in a profile that has to be asked for by name. So whoever sends it anywhere
has gone through the agent's home in search of something to take.
"""

import secrets as random
import string
from collections.abc import Mapping

from attrs import field, frozen

from bottle.plan import AGENT_HOME, SeedFile

_KEY_ID_ALPHABET = string.ascii_uppercase + "234567"
_KEY_ALPHABET = string.ascii_letters + string.digits + "+/"
_PLACE = ".aws/credentials"
_KEY, _KEY_ID = f"~/{_PLACE}", f"~/{_PLACE} (key id)"


@frozen(kw_only=True)
class Decoy:
    """`values`: what the sidecar looks for, by where it lies. Unique to one bottle."""

    file: SeedFile
    values: Mapping[str, str] = field(repr=False)

    @classmethod
    def make(cls) -> "Decoy":
        return cls._of("AKIA" + _random(_KEY_ID_ALPHABET, 16), _random(_KEY_ALPHABET, 40))

    @classmethod
    def again(cls, values: Mapping[str, str]) -> "Decoy":
        """The one with these `values`; a new one where they are of none."""
        if _KEY in values and _KEY_ID in values:
            return cls._of(values[_KEY_ID], values[_KEY])
        return cls.make()

    @classmethod
    def _of(cls, key_id: str, key: str) -> "Decoy":
        content = f"[backup-production]\naws_access_key_id = {key_id}\naws_secret_access_key = {key}\n"
        file = SeedFile(path=AGENT_HOME / _PLACE, content=content.encode())
        return cls(file=file, values={_KEY: key, _KEY_ID: key_id})


def placeholder() -> str:
    """Unique, so that one seen anywhere but on its own route names the bottle that leaked it."""
    return f"bottle-placeholder-{random.token_hex(16)}"


def _random(alphabet: str, length: int) -> str:
    return "".join(random.choice(alphabet) for _ in range(length))
