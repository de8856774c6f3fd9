"""The back-ends under attack: what `bottle selftest` says of each, and a live bottle on each."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from attacks.range import LiveBottle, live
from support.engine.model import REPOSITORY
from support.project import BottleProject, operator_environment, shell_agent
from support.sites import BACKENDS, RuntimeMissingError, Site, site_of

Outcomes = Mapping[str, Mapping[str, Any]]
PRINTED = REPOSITORY / ".build" / "tests"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "attacks" in item.nodeid:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session", params=BACKENDS)
def site(request: pytest.FixtureRequest) -> Site:
    try:
        return site_of(request.param, lambda: request.getfixturevalue("engine"))
    except RuntimeMissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def project(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BottleProject]:
    """With a short runtime folder, for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp") as runtime:
        environ = operator_environment({**site.environ, "XDG_RUNTIME_DIR": runtime})
        made = BottleProject(folder=tmp_path_factory.mktemp(site.backend), environ=environ)
        made.write(shell_agent())
        yield made


@pytest.fixture(scope="session")
def selftest(site: Site, project: BottleProject) -> Outcomes:
    """What `bottle selftest` says of each attack, by `claim.name`. It is kept, for `attacks.table`."""
    outcome = project.run("selftest", "--backend", site.backend, "--json")
    assert outcome.out, outcome.err
    (PRINTED / f"selftest-{site.backend}.json").write_text(outcome.out)
    data = json.loads(outcome.out)["data"]
    assert (outcome.code == 0) == (data["attacks"] == data["held"]), outcome.err
    return {f"{row['claim']}.{row['attack']}": row for row in data["outcomes"]}


@pytest.fixture(scope="session")
def attacked(project: BottleProject) -> Iterator[LiveBottle]:
    with live(project) as bottle:
        yield bottle
