from pathlib import Path

import pytest

from bottle.errors import EnvironmentLacksError
from bottle.launch.identity_key import read_key
from bottle.proc import Command, run


def keygen(path: Path, *options: str, passphrase: str = "") -> Path:
    run(Command(argv=("ssh-keygen", "-q", "-N", passphrase, "-f", str(path), *options)))
    return path


@pytest.mark.parametrize("options", [("-t", "ed25519"), ("-t", "ecdsa"), ("-t", "ecdsa", "-m", "PEM")])
def test_a_plain_key_is_read_whole(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = keygen(tmp_path / "key", *options)

    assert read_key(path).reveal() == path.read_text()


@pytest.mark.parametrize(
    "options", [("-t", "ed25519"), ("-t", "ecdsa", "-m", "PEM"), ("-t", "ecdsa", "-m", "PKCS8")]
)
def test_a_passphrase_is_refused_with_the_mend(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = keygen(tmp_path / "a key", *options, passphrase="hard to guess")

    with pytest.raises(EnvironmentLacksError, match="is protected by a passphrase") as caught:
        read_key(path)

    assert caught.value.hint == f"ssh-keygen -p -N '' -f '{path}', or a key of its own for bottles"


def test_a_public_key_is_no_private_one(tmp_path: Path) -> None:
    path = keygen(tmp_path / "key", "-t", "ed25519").with_suffix(".pub")

    with pytest.raises(EnvironmentLacksError, match="is not a private key") as caught:
        read_key(path)

    assert caught.value.hint == "name the file without .pub"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\0", b"-----BEGIN CERTIFICATE-----\nA\nB\n", b"x\n" * 90_000]
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(EnvironmentLacksError, match="is not a private key"):
        read_key(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError, match="cannot be read: No such file") as caught:
        read_key(tmp_path / "none")

    assert "ssh-keygen -t ed25519 -f" in str(caught.value.hint)
