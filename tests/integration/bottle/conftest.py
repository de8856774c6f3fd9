"""The whole program on each back-end: one operator per test, one build cache for all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.agent_apis import MakeApis, agent_apis
from support.agent_kinds import TOKEN
from support.certificates import CertificateAuthority
from support.project import BottleProject, operator_environment
from support.sites import Site, site_of
from support.upstreams import Upstream

BACKENDS = ("native", "docker")


@pytest.fixture(params=BACKENDS)
def site(request: pytest.FixtureRequest) -> Site:
    return site_of(request.param, lambda: request.getfixturevalue("engine"))


@pytest.fixture
def project(site: Site, tmp_path: Path) -> Iterator[BottleProject]:
    """An operator who has nothing yet. Every sidecar log and lock of theirs is gone afterwards."""
    runtime = tempfile.mkdtemp(prefix="bb-", dir="/tmp")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    folders = {"XDG_RUNTIME_DIR": runtime, "TMPDIR": str(temporary)}
    made = BottleProject(folder=tmp_path, environ=operator_environment({**site.environ, **folders}))
    yield made
    made.discard_kept()
    shutil.rmtree(runtime)


@pytest.fixture
def make_apis(site: Site, tmp_path: Path) -> Iterator[MakeApis]:
    with ExitStack() as stack:
        yield lambda script: stack.enter_context(
            agent_apis(tmp_path / "ca", required_token=TOKEN, script=script, host=site.host)
        )


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.create(tmp_path_factory.mktemp("authority"), "test upstream CA")


@pytest.fixture
def upstream(site: Site, authority: CertificateAuthority) -> Iterator[Upstream]:
    """A TLS server that answers as api.example.com and echoes what it saw."""
    with Upstream(authority, "api.example.com", host=site.host) as server:
        yield server
