"""Each module has the test file of its name at its place, or a reason here why not; and the reverse."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"bottle": ROOT / "src" / "bottle", "bottle_sidecar": ROOT / "sidecar_image" / "bottle_sidecar"}
UNIT = Path(__file__).parent
CONTRACT = "an abstract contract; each back-end's suite runs it"
ENGINE = "drives the engine: tests/integration/docker runs it on a real one"
NAMESPACES = "makes namespaces: tests/integration/native runs it as root and as an ordinary user"
TERMINALS = "joins terminals and processes: tests/integration/session runs it on real ones"
WIRE = (
    "speaks to sockets through mitmproxy: tests/integration/egress runs it against real clients and servers"
)
SELFTEST = "runs in and around a real bottle: tests/attacks runs it on every back-end"
SENT = ("bottle/selftest/attacks/", "bottle/selftest/probes/")
"""What goes into bottles, and is tested there with a control for each."""
GATE = "runs git, ssh and gitleaks: tests/integration/gitgate does so against a real sshd"
EXCEPTIONS: Mapping[str, str] = {
    "bottle/backends/base.py": CONTRACT,
    "bottle/backends/docker/backend.py": ENGINE,
    "bottle/backends/docker/bottle.py": ENGINE,
    "bottle/backends/docker/resources.py": ENGINE,
    "bottle/backends/docker/sandbox.py": ENGINE,
    "bottle/backends/native/backend.py": NAMESPACES,
    "bottle/backends/native/blueprint.py": NAMESPACES,
    "bottle/backends/native/bottle.py": NAMESPACES,
    "bottle/backends/native/sidecar.py": NAMESPACES,
    "bottle/backends/native/venv.py": NAMESPACES,
    "bottle/backends/native/warden.py": NAMESPACES,
    "bottle/backends/native/diskwatch.py": NAMESPACES,
    "bottle/jail/enter.py": NAMESPACES,
    "bottle/jail/hold.py": NAMESPACES,
    "bottle/jail/openfiles.py": NAMESPACES,
    "bottle/jail/owners.py": NAMESPACES,
    "bottle/jail/process.py": NAMESPACES,
    "bottle/jail/proof.py": NAMESPACES,
    "bottle/jail/prover.py": NAMESPACES,
    "bottle/jail/requests.py": NAMESPACES,
    "bottle/jail/trial.py": NAMESPACES,
    "bottle/jail/warden.py": NAMESPACES,
    "bottle/jail/watch.py": NAMESPACES,
    "bottle/launch/attach.py": TERMINALS,
    "bottle/launch/departure.py": TERMINALS,
    "bottle/launch/end.py": TERMINALS,
    "bottle/launch/detach.py": "makes processes: tests/integration/bottle starts detached bottles",
    "bottle/launch/git_wishes.py": "a part of `resolve`: its tests run it",
    "bottle/launch/host_values.py": "a part of `resolve`: its tests run it",
    "bottle/launch/screen.py": TERMINALS,
    "bottle/launch/session.py": TERMINALS,
    "bottle/selftest/boot.py": "runs what `kit` runs: its tests start it",
    "bottle/selftest/host.py": SELFTEST,
    "bottle/selftest/servers.py": SELFTEST,
    "bottle/selftest/suite.py": SELFTEST,
    "bottle_sidecar/__main__.py": WIRE,
    "bottle_sidecar/hardening.py": WIRE,
    "bottle_sidecar/listener.py": WIRE,
    "bottle_sidecar/metered.py": ENGINE,
    "bottle_sidecar/probe.py": WIRE,
    "bottle_sidecar/gate/children.py": GATE,
    "bottle_sidecar/gate/contents.py": GATE,
    "bottle_sidecar/gate/forward.py": GATE,
    "bottle_sidecar/gate/git.py": GATE,
    "bottle_sidecar/gate/mirror.py": GATE,
    "bottle_sidecar/gate/receive.py": GATE,
    "bottle_sidecar/gate/service.py": GATE,
    "bottle_sidecar/gate/upstream.py": GATE,
    "bottle_sidecar/egress/allowance.py": WIRE,
    "bottle_sidecar/egress/connection.py": WIRE,
    "bottle_sidecar/egress/driver.py": WIRE,
    "bottle_sidecar/egress/guard.py": WIRE,
    "bottle_sidecar/egress/http1.py": WIRE,
    "bottle_sidecar/egress/http2.py": WIRE,
    "bottle_sidecar/egress/meter.py": WIRE,
    "bottle_sidecar/egress/inspect.py": WIRE,
    "bottle_sidecar/egress/passthrough.py": WIRE,
    "bottle_sidecar/egress/proxy.py": WIRE,
    "bottle_sidecar/egress/refusal.py": WIRE,
    "bottle_sidecar/egress/streams.py": WIRE,
    "bottle_sidecar/egress/websockets.py": WIRE,
}
"""Modules without a test file of their own, and who tests them instead."""
EXTRA: Mapping[str, str] = {
    "bottle/manifest/test_corpus.py": "whole broken files, through every module of the package",
}
"""Test files that are of no one module."""


def modules() -> Iterator[str]:
    """Those with statements of their own, as paths below tests/unit."""
    for name, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            module = f"{name}/{path.relative_to(folder)}"
            if path.stat().st_size and not _is_docstring_only(path) and not module.startswith(SENT):
                yield module


def _is_docstring_only(path: Path) -> bool:
    text = path.read_text().strip()
    return text.startswith('"""') and text.count('"""') == 2 and text.endswith('"""')


def mirrored(module: str) -> str:
    path = Path(module)
    return str(path.with_name(f"test_{'init.py' if path.name == '__init__.py' else path.name}"))


@pytest.mark.parametrize("module", list(modules()))
def test_each_module_has_its_tests_or_a_reason(module: str) -> None:
    assert (UNIT / mirrored(module)).is_file() != (module in EXCEPTIONS), EXCEPTIONS.get(
        module, "no test file"
    )


def test_each_exception_is_a_module_that_exists() -> None:
    assert set(EXCEPTIONS) <= set(modules())
    assert all(EXCEPTIONS.values())


@pytest.mark.parametrize("package", PACKAGES)
def test_each_test_file_has_its_module(package: str) -> None:
    expected = {mirrored(module) for module in modules()}
    found = {str(path.relative_to(UNIT)) for path in (UNIT / package).rglob("test_*.py")}

    assert found - expected - set(EXTRA) == set()
