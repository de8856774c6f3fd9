"""A CA for upstreams, and sidecars that end with their test."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bottle_sidecar.policy.document import Route
from support.certificates import CertificateAuthority
from support.egress import Begin, MakeRoute, Serve, Shared
from support.sidecar import Sidecar
from support.upstreams import Upstream


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.create(tmp_path_factory.mktemp("upstream-ca"))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> Iterator[Shared]:
    """A sidecar with one route, to api.test, and the upstream behind it; for tests that only look."""
    with Upstream(authority, "api.test") as upstream:
        route = Route(host="api.test", address=upstream.address, ca_pem=authority.pem)
        with Sidecar(tmp_path_factory.mktemp("shared"), routes=[route]) as sidecar:
            yield sidecar, upstream


@pytest.fixture
def serve(authority: CertificateAuthority, stack: ExitStack) -> Serve:
    """Starts an upstream with a certificate for the names given."""

    def start(*names: str, **options: object) -> Upstream:
        return stack.enter_context(Upstream(authority, *names, **options))  # type: ignore[arg-type]

    return start


@pytest.fixture
def start(tmp_path: Path, stack: ExitStack) -> Begin:
    """Starts a sidecar."""

    def begin(*routes: Route, **options: object) -> Sidecar:
        return stack.enter_context(Sidecar(tmp_path, routes=routes, **options))  # type: ignore[arg-type]

    return begin


@pytest.fixture
def to(authority: CertificateAuthority) -> MakeRoute:
    """A route to an upstream of this test."""

    def make(host: str, upstream: Upstream, **keys: object) -> Route:
        return Route(host=host, address=upstream.address, ca_pem=authority.pem, **keys)  # type: ignore[arg-type]

    return make
