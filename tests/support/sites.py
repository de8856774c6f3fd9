"""The back-ends under test, and routes to the tests' own servers."""

from collections.abc import Callable, Mapping

from attrs import frozen

from support.certificates import CertificateAuthority
from support.engine.model import BUILD, Engine
from support.upstreams import Upstream

BACKENDS = ("native", "docker", "gvisor")
LOOPBACK = "127.0.0.1"
_RUNTIMES = {"gvisor": "runsc"}


@frozen(kw_only=True)
class Site:
    """A back-end under test. `environ` selects it; `host` is where a sidecar reaches this machine."""

    backend: str
    environ: Mapping[str, str]
    host: str


class RuntimeMissingError(Exception):
    """The engine lacks the runtime of a back-end."""


def site_of(backend: str, engine: Callable[[], Engine]) -> Site:
    """`engine` is asked for only where the back-end needs one. Raises RuntimeMissingError."""
    environ = {"BOT_BOTTLE_BACKEND": backend, "XDG_CACHE_HOME": str(BUILD / "cache")}
    if backend == "native":
        return Site(backend=backend, environ=environ, host=LOOPBACK)
    found = engine()
    runtime = _RUNTIMES.get(backend)
    if runtime and runtime not in found.runtimes:
        raise RuntimeMissingError(f"the engine has no runtime '{runtime}'")
    docker = {"DOCKER_HOST": found.docker_host} if found.docker_host else {}
    return Site(backend=backend, environ={**environ, **docker}, host=found.host_address)


def route(
    authority: CertificateAuthority, server: Upstream, host: str = "api.example.com", **keys: str
) -> str:
    """A manifest route for `host` that dials the test's server."""
    fields = {"host": host, "address": f"'{server.address}'", "ca_file": str(authority.certificate), **keys}
    return "{" + ", ".join(f"{name}: {value}" for name, value in fields.items()) + "}"
