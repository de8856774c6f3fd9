"""The engine that the tests run against does what they rely on."""

import os
import socket
from pathlib import Path

import pytest

from bottle.proc import Command, run
from support.engine.model import Engine
from support.engine.open import start_private

ONLY_LOOPBACK = "grep -c : /proc/net/dev"


def test_the_base_image_runs_without_a_network(engine: Engine) -> None:
    assert _run(engine, "--network", "none", engine.base_image, "sh", "-c", ONLY_LOOPBACK) == "1"


def test_a_container_reaches_a_service_of_this_machine(engine: Engine) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        probe = f"exec 3<>/dev/tcp/{engine.host_address}/{port} && echo reached"

        assert _run(engine, engine.base_image, "bash", "-c", probe) == "reached"


def test_a_container_reaches_the_package_mirror(engine: Engine) -> None:
    assert _run(engine, engine.base_image, "sh", "-c", "apt-get update -qq && echo reached") == "reached"


def test_gvisor_runs_where_it_is_registered(engine: Engine) -> None:
    if "runsc" not in engine.runtimes:
        pytest.skip("runsc is not registered with this engine")

    kernel = _run(
        engine, "--runtime", "runsc", "--network", "none", engine.base_image, "cat", "/proc/version"
    )

    assert kernel != Path("/proc/version").read_text().strip()


@pytest.mark.timeout(300)
def test_a_private_engine_leaves_nothing() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start an engine")
    before = _traces()
    daemon = start_private()
    try:
        daemon.docker("run", "--detach", "debian:trixie-slim", "sleep", "infinity")
        assert _traces() != before
    finally:
        daemon.stop()

    assert _traces() == before
    assert not daemon.work.exists()
    assert not daemon.data.exists()


def _traces() -> dict[str, list[str]]:
    """Firewall rules, interfaces, mounts and control groups of this machine that are an engine's."""
    rules = [
        line
        for table in ("nat", "filter")
        for line in run(Command(argv=("iptables", "-w", "-t", table, "-S"))).text.splitlines()
    ]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob("**/bbe-*")]
    return {
        "rules": sorted(line for line in rules if "bbe" in line or "10.213." in line),
        "links": sorted(path.name for path in Path("/sys/class/net").glob("bbe*")),
        "mounts": [line for line in Path("/proc/self/mounts").read_text().splitlines() if "/bbe-" in line],
        "groups": sorted(groups),
    }


def _run(engine: Engine, *arguments: str) -> str:
    argv = ("docker", "run", "--rm", *arguments)
    return run(Command(argv=argv, env=engine.environment())).text
