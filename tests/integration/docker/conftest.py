"""A lab for each back-end of the engine; one bottle that all tests of a module look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bottle.backends.docker.backend import DockerBackend, GvisorBackend
from bottle.secret import Secret
from support.docker_lab import DockerLab, LiveBottle
from support.engine.model import Engine

KINDS: tuple[type[DockerBackend], ...] = (DockerBackend, GvisorBackend)
TOKEN = "the-real-token-5c2e8f"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration/docker" in item.nodeid:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def lab(engine: Engine, tmp_path: Path) -> DockerLab:
    return DockerLab(engine=engine, folder=tmp_path)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def module_lab(
    request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> DockerLab:
    kind: type[DockerBackend] = request.param
    if kind.runtime and kind.runtime not in engine.runtimes:
        pytest.skip(f"the engine has no runtime '{kind.runtime}'")
    return DockerLab(engine=engine, folder=tmp_path_factory.mktemp(kind.name), kind=kind)


@pytest.fixture(scope="module")
def live(request: pytest.FixtureRequest, module_lab: DockerLab) -> Iterator[LiveBottle]:
    """A bottle whose sidecar holds TOKEN; named after the module, since another may run beside it."""
    module = request.path.stem.removeprefix("test_").replace("_", "-")
    identity = f"{module}-{module_lab.kind.name}"
    with module_lab.launched(identity, tokens={"TOKEN": Secret(TOKEN)}) as found:
        yield found
