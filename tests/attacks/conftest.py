"""One live bottle on each back-end, a neighbour beside it, and a host that is worth attacking."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from attacks import facts
from attacks.decoys import Decoys
from attacks.facts import Host
from attacks.gullible import Gullible
from attacks.range import LiveBottle, Report, live
from attacks.runner import Assault, Range
from attacks.servers import plain, routes, upstream
from bottle.proc import PIPE, Command, end, spawn
from support.certificates import CertificateAuthority
from support.project import BottleProject, operator_environment, shell_agent
from support.sites import BACKENDS, RuntimeMissingError, Site, site_of

MARKER = "process-of-the-host-under-attack"
_PROCESSES = (("/bin/cat", "-"), (sys.executable, "-c", "import sys; sys.stdin.read()", MARKER))
# Stands for what an agent has of its own: sockets, a process with a telling name, a file.
_INHABITANT = """
import os, socket, sys, threading
marker, abstract, path, port, file = sys.argv[1:]
open(file, "w").close()
listeners = [socket.create_server((host, int(port)), family=family)
             for host, family in (("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6))]
for name in ("\\0" + abstract, path):
    made = socket.socket(socket.AF_UNIX)
    made.bind(name)
    made.listen()
    listeners.append(made)
print("settled")
threading.Event().wait()
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Takes out the attacks that say nothing on a back-end (`spared`); the threat model lists them."""
    spared = [item for item in items if _is_spared(item)]
    items[:] = [item for item in items if item not in spared]
    config.hook.pytest_deselected(items=spared)
    for item in items:
        if "attacks" in item.nodeid:
            item.add_marker(pytest.mark.timeout(600))


def _is_spared(item: pytest.Item) -> bool:
    parameters = (
        item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    )
    assault = parameters.get("assault")
    return isinstance(assault, Assault) and parameters.get("site") in assault.attack.spared


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.create(tmp_path_factory.mktemp("authority"), "test upstream CA")


@pytest.fixture(scope="session")
def host(authority: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ba-", dir="/var/tmp")))
        canary = folder / "private"
        canary.write_text("of the host alone")
        canary.chmod(0o600)
        pids = [stack.enter_context(_running(*argv)) for argv in _PROCESSES]
        decoys = stack.enter_context(Decoys(folder, str(os.getpid())))
        gullible = stack.enter_context(Gullible(authority))
        yield Host(
            decoys=decoys,
            gullible=gullible.address,
            canary=canary,
            marker=MARKER,
            pids=(*pids, os.getpid()),
        )


@contextmanager
def _running(*argv: str) -> Iterator[int]:
    process = spawn(Command(argv=argv), stdin=PIPE)
    try:
        yield process.pid
    finally:
        end(process)


@pytest.fixture(scope="session", params=BACKENDS)
def site(request: pytest.FixtureRequest) -> Site:
    try:
        return site_of(request.param, lambda: request.getfixturevalue("engine"))
    except RuntimeMissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def outside() -> dict[tuple[str, str], Report]:
    return {}


@pytest.fixture(scope="session")
def attacked(
    site: Site,
    host: Host,
    authority: CertificateAuthority,
    outside: dict[tuple[str, str], Report],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Range]:
    with (
        tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp") as runtime,
        upstream(authority, site.host) as secured,
        plain(site.host) as clear,
    ):
        given = {"XDG_RUNTIME_DIR": runtime, "API_TOKEN": facts.TOKEN}
        project = BottleProject(
            folder=tmp_path_factory.mktemp(site.backend),
            environ=operator_environment({**site.environ, **given}),
        )
        project.write(shell_agent(routes(authority, secured, clear, facts.private_names(site.backend))))
        with live(project) as neighbour, live(project) as bottle:
            _inhabit(neighbour, facts.NEIGHBOUR_MARKER, facts.NEIGHBOUR_ABSTRACT, facts.NEIGHBOUR_PORT)
            _inhabit(bottle, facts.OWN_MARKER, "own-abstract", facts.NEIGHBOUR_PORT + 1)
            placeholder = bottle.execute("printenv", "API_TOKEN")[1].strip()
            assert placeholder, "the bottle has no placeholder"
            yield Range(
                site=site,
                host=host,
                bottle=bottle,
                facts=facts.facts(site.backend, host, bottle, placeholder),
                upstreams=(secured, clear),
                outside=outside,
            )


def _inhabit(bottle: LiveBottle, marker: str, abstract: str, port: int) -> None:
    bottle.execute("sh", "-c", "cat > ~/inhabitant.py", stdin=_INHABITANT.encode())
    words = f"{marker} {abstract} {facts.OWN_SOCKET} {port} {facts.OWN_FILE}"
    bottle.terminal.type(f"python3 ~/inhabitant.py {words} &\n".encode())
    bottle.terminal.expect(b"settled\r", timeout=60)
