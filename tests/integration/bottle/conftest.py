"""The whole program on each back-end: one operator per test, one build cache for all."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from attrs import frozen

from bottle.providers import PROVIDERS
from support.certificates import CertificateAuthority
from support.engine.model import BUILD, Engine
from support.project import BottleProject, operator_environment
from support.upstreams import Upstream

BACKENDS = ("native", "docker")
LOOPBACK = "127.0.0.1"


@frozen(kw_only=True)
class Site:
    """A back-end under test. `environ` selects it; `host` is where a sidecar reaches this machine."""

    backend: str
    environ: Mapping[str, str]
    host: str


@pytest.fixture(params=BACKENDS)
def site(request: pytest.FixtureRequest) -> Site:
    environ = {"BOT_BOTTLE_BACKEND": request.param}
    if request.param == "native":
        return Site(backend="native", environ=environ, host=LOOPBACK)
    engine: Engine = request.getfixturevalue("engine")
    docker = {"DOCKER_HOST": engine.docker_host} if engine.docker_host else {}
    return Site(backend=request.param, environ={**environ, **docker}, host=engine.host_address)


@pytest.fixture
def project(site: Site, tmp_path: Path) -> Iterator[BottleProject]:
    """An operator who has nothing yet. Every sidecar log and lock of theirs is gone afterwards."""
    runtime = tempfile.mkdtemp(prefix="bb-", dir="/tmp")
    cache = {"XDG_CACHE_HOME": str(BUILD / "cache"), "XDG_RUNTIME_DIR": runtime}
    yield BottleProject(folder=tmp_path, environ=operator_environment({**site.environ, **cache}))
    shutil.rmtree(runtime)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.create(tmp_path_factory.mktemp("authority"), "test upstream CA")


@pytest.fixture
def upstream(site: Site, authority: CertificateAuthority) -> Iterator[Upstream]:
    """A TLS server that answers as api.example.com and echoes what it saw."""
    with Upstream(authority, "api.example.com", host=site.host) as server:
        yield server


def route(
    authority: CertificateAuthority, server: Upstream, host: str = "api.example.com", **keys: str
) -> str:
    """A manifest route for `host` that dials the test's server."""
    fields = {"host": host, "address": f"'{server.address}'", "ca_file": str(authority.certificate), **keys}
    return "{" + ", ".join(f"{name}: {value}" for name, value in fields.items()) + "}"


@pytest.fixture(params=sorted(PROVIDERS))
def template(request: pytest.FixtureRequest) -> str:
    return str(request.param)
