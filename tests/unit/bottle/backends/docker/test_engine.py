"""What the CLI prints, read; and what is said where no engine answers."""

import socket
from pathlib import Path

import pytest

from bottle.backends.docker.engine import Engine, Listed, last_lines, parse_listed
from bottle.errors import EnvironmentLacksError
from bottle.proc import Completed


def test_a_line_of_docker() -> None:
    line = '{"Names":"b-1","Labels":"bot-bottle.home=ab,bot-bottle.identity=dev-1,x=a=b"}'

    assert parse_listed(line, "Names") == Listed(
        name="b-1", labels={"bot-bottle.home": "ab", "bot-bottle.identity": "dev-1", "x": "a=b"}
    )


def test_a_line_of_podman() -> None:
    line = '{"Names":["b-1"],"Labels":{"bot-bottle.identity":"dev-1"}}'

    assert parse_listed(line, "Names") == Listed(name="b-1", labels={"bot-bottle.identity": "dev-1"})


def test_no_labels() -> None:
    assert parse_listed('{"Name":"v","Labels":""}', "Name").name == "v"
    assert parse_listed('{"Name":"v","Labels":null}', "Name").labels == {}


def refusal(**environ: str) -> EnvironmentLacksError:
    with pytest.raises(EnvironmentLacksError) as caught:
        Engine(environ={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", **environ}).server()
    return caught.value


def test_no_program() -> None:
    error = refusal(PATH="/nonexistent")

    assert "is not installed" in error.message
    assert "native" in str(error.hint)


def test_no_engine(tmp_path: Path) -> None:
    error = refusal(DOCKER_HOST=f"unix://{tmp_path}/none.sock")

    assert "does not exist" in error.message


def test_an_engine_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{tmp_path}/dead.sock")
        error = refusal(DOCKER_HOST=f"unix://{tmp_path}/dead.sock")

    assert "does not answer" in error.message


def test_last_lines() -> None:
    completed = Completed(code=1, stdout=b"1\n2\n", stderr=b"3\n")

    assert last_lines(completed, 2) == "2\n3"
