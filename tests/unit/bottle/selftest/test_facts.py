import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from bottle.paths import Paths
from bottle.selftest.catalogue import assaults
from bottle.selftest.facts import TOKEN, Scene, Untestable, masked
from bottle.selftest.gitfacts import missing
from bottle.selftest.host import prepared
from bottle.selftest.probes.search import unmasked


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "bottle.md").write_text("---\n---\n")
    with prepared(manifests) as host:
        yield Scene(
            backend="native",
            host=host,
            gullible=("127.0.0.1", 1),
            elsewhere=None,
            paths=Paths.from_environment(environ, uid=1000, cwd=tmp_path),
            manifests=manifests,
            environ=environ,
            git=missing(Untestable("no git")),
        )


def test_there_is_a_fact_for_every_aim_and_control(scene: Scene) -> None:
    for backend in ("native", "docker", "gvisor"):
        known = evolve(scene, backend=backend).facts("placeholder")
        named = {name for one in assaults() for name in (one.attack.aim, one.attack.control)}

        assert named - set(known) == set()
        assert TOKEN not in json.dumps(known, default=str)


def test_the_hosts_own_files_are_aimed_at(scene: Scene) -> None:
    files = scene.facts()["host_files"]

    assert str(scene.host.canary) in files
    assert str(scene.manifests / "bottle.md") in files
    assert "/etc/shadow" in files


def test_an_engine_elsewhere_has_nothing_of_this_machine(scene: Scene) -> None:
    known = evolve(scene, elsewhere="ssh://build").facts()

    assert isinstance(known["services"], Untestable)
    assert "ssh://build" in known["services"].reason
    assert not isinstance(known["special_addresses"], Untestable)


def test_a_native_sidecar_is_asked_for_names_that_are_private_here(scene: Scene) -> None:
    assert scene.private_names
    assert "ip6-localhost" in evolve(scene, backend="docker").private_names


def test_a_masked_value_comes_back_and_does_not_find_itself() -> None:
    assert unmasked(masked(TOKEN)) == TOKEN.encode()
    assert TOKEN not in masked(TOKEN)
