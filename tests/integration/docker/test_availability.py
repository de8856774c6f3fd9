import pytest
from attrs import evolve

from bottle.backends import BACKENDS
from bottle.backends.docker.backend import GvisorBackend
from support.docker_lab import DockerLab


def test_an_engine_that_answers(lab: DockerLab) -> None:
    found = lab.backend().availability()

    assert found.usable
    assert "engine" in found.detail


def test_no_engine(lab: DockerLab) -> None:
    absent = evolve(lab, environ={"DOCKER_HOST": "unix:///nonexistent/docker.sock"})
    found = absent.backend().availability()

    assert not found.usable
    assert found.hint is not None


def test_gvisor_says_how_to_register_it(lab: DockerLab) -> None:
    found = evolve(lab, kind=GvisorBackend).backend().availability()

    if "runsc" not in lab.engine.runtimes:
        assert not found.usable
        assert "daemon.json" in str(found.hint)
    else:
        assert found.usable


@pytest.mark.parametrize("kind", ["docker", "gvisor"])
def test_the_names_are_in_the_table(kind: str) -> None:
    assert BACKENDS[kind].name == kind
