import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bottle.proc import Command, run
from bottle.selftest.facts import Untestable
from bottle.selftest.repositories import OWN, THEIRS, UNDECLARED, Repositories, prepared_repositories


@pytest.fixture
def repositories(tmp_path: Path) -> Iterator[Repositories]:
    with prepared_repositories(tmp_path) as prepared:
        assert isinstance(prepared, Repositories)
        yield prepared
        prepared.close()


def test_a_machine_without_the_programs_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with prepared_repositories(tmp_path) as prepared:
        assert isinstance(prepared, Untestable)
        assert "needs git, ssh, ssh-keygen" in prepared.reason


def test_a_connection_is_answered_by_an_sshd(repositories: Repositories) -> None:
    """And each end is told of the other's."""
    answers: list[bytes] = []
    greeted, ended = threading.Event(), threading.Event()

    def send(number: int, data: bytes) -> None:
        assert number == 7
        answers.append(data)
        (greeted if data else ended).set()

    repositories.take(7, b"SSH-2.0-test\r\n", send)
    assert greeted.wait(20)
    repositories.take(7, b"", send)

    assert ended.wait(20)
    assert answers[0].startswith(b"SSH-2.0-")


def test_an_end_without_a_beginning_is_nothing(repositories: Repositories) -> None:
    repositories.take(1, b"", lambda *_: None)


def test_a_bottle_declares_one_repository(repositories: Repositories) -> None:
    text = repositories.manifest(OWN, "127.0.0.1:2222")

    assert f"ssh://{repositories.user}@127.0.0.1:2222{repositories.path(OWN)}" in text
    assert "host_key: 'ssh-ed25519 " in text
    assert str(repositories.path(THEIRS)) not in text


def test_what_the_attacks_changed_is_told_once_and_undone(repositories: Repositories) -> None:
    path = str(repositories.path(OWN))
    head = repositories.heads[OWN]
    for ref in ("refs/heads/permitted-x", "refs/heads/forbidden-x"):
        run(Command(argv=("git", "-C", path, "update-ref", ref, head)))
    log = repositories.folder / "commands"
    log.write_text(f"git-upload-pack '{path}'\ngit-upload-pack '{repositories.path(UNDECLARED)}'\n")

    told = repositories.take_forbidden()

    assert told == [
        f"the sshd was asked for git-upload-pack '{repositories.path(UNDECLARED)}'",
        "refs/heads/forbidden-x is in own",
    ]
    assert repositories.take_forbidden() == []
