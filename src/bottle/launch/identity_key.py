"""A private key file of the operator's, read for the git gate."""

import base64
import binascii
import shlex
from pathlib import Path

from bottle.errors import EnvironmentLacksError
from bottle.secret import Secret

_MOST = 64 * 1024  # bytes of a key file
_MAGIC = b"openssh-key-v1\0"
_NO_CIPHER = b"\0\0\0\4none"


def read_key(path: Path) -> Secret:
    """Raises EnvironmentLacksError for a file that is no private key, or one that needs a passphrase."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST).decode("ascii")
    except OSError as error:
        raise EnvironmentLacksError(
            f"the identity {path} cannot be read: {error.strerror}",
            hint=f"ssh-keygen -t ed25519 -f {_word(path)}",
        ) from error
    except UnicodeDecodeError:
        text = ""
    lines = text.strip().splitlines()
    if len(lines) < 3 or not lines[0].startswith("-----BEGIN ") or "PRIVATE KEY-----" not in lines[0]:
        hint = "name the file without .pub" if path.suffix == ".pub" else "name a file that ssh-keygen made"
        raise EnvironmentLacksError(f"the identity {path} is not a private key", hint=hint)
    if _encrypted(lines):
        raise EnvironmentLacksError(
            f"the identity {path} is protected by a passphrase, which nobody can type for the git gate",
            hint=f"ssh-keygen -p -N '' -f {_word(path)}, or a key of its own for bottles",
        )
    return Secret(text)


def _encrypted(lines: list[str]) -> bool:
    """See PROTOCOL.key of OpenSSH; the older forms say it in their armour."""
    if "ENCRYPTED" in lines[0] or any("ENCRYPTED" in line for line in lines[1:3]):
        return True
    if "OPENSSH" not in lines[0]:
        return False
    try:
        raw = base64.b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error:
        return False
    return raw.startswith(_MAGIC) and not raw.removeprefix(_MAGIC).startswith(_NO_CIPHER)


def _word(path: Path) -> str:
    return shlex.quote(str(path))
