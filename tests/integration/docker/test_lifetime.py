"""How a bottle ends, by whatever hand, and that nothing of it stays."""

import os
import signal
import sys
from pathlib import Path

import pytest

from bottle import proc
from bottle.backends.docker.resources import Container, Volume
from support.docker_lab import DockerLab, wait_for
from support.engine.model import REPOSITORY, Engine

LISTINGS = (("ps", "--all"), ("volume", "ls"))


def left(lab: DockerLab, identity: str) -> list[str]:
    return [name for listing in LISTINGS for name in lab.names(listing, identity)]


def test_remove_leaves_nothing_and_may_be_repeated(lab: DockerLab) -> None:
    with lab.launched("gone-aaaaa") as live:
        assert live.bottle.running()
        kinds = {type(resource) for resource in lab.backend().resources()}
        assert kinds == {Container, Volume}
        live.bottle.remove()
        assert not live.bottle.running()
        live.bottle.remove()

    assert left(lab, "gone-aaaaa") == []
    assert lab.backend().resources() == ()


def test_remove_in_the_middle_of_a_launch(lab: DockerLab) -> None:
    """The sidecar never comes: everything that waits for it must go at once."""
    plan = lab.plan("half-aaaaa")
    bottle = lab.build(plan).bottle(plan.identity)
    bottle.sidecar(plan)
    bottle.remove()

    assert left(lab, "half-aaaaa") == []


def test_remove_of_a_launch_whose_sandbox_is_up_but_has_no_sidecar(lab: DockerLab) -> None:
    plan = lab.plan("wait-aaaaa")
    bottle = lab.build(plan).bottle(plan.identity)
    bottle.sidecar(plan)
    wait_for(lambda: len(lab.names(("ps",), "wait-aaaaa")) == 2, "agent and listener are up")
    bottle.remove()

    assert left(lab, "wait-aaaaa") == []


def test_a_sidecar_that_fails_is_told(lab: DockerLab) -> None:
    plan = lab.plan("fail-aaaaa")
    bottle = lab.build(plan).bottle(plan.identity)
    try:
        launch = bottle.sidecar(plan)
        broken = proc.Command(
            argv=(*launch.command.argv, "--no-such-option"), env=launch.command.env, timeout=None
        )
        process = proc.spawn(broken, stdin=proc.PIPE, stdout=proc.PIPE, stderr=proc.DEVNULL, new_session=True)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        process.wait()
    finally:
        bottle.remove()

    assert left(lab, "fail-aaaaa") == []


def test_another_operator_does_not_see_it(lab: DockerLab, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = DockerLab(engine=lab.engine, folder=tmp_path_factory.mktemp("other"))
    with lab.launched("mine-aaaaa") as live:
        assert other.backend().resources() == ()
        assert not other.backend().bottle("mine-aaaaa").running()
        other.backend().bottle("mine-aaaaa").remove()
        assert live.bottle.running()


OWNER = """
import sys, time
from pathlib import Path
from support.docker_lab import DockerLab
from support.engine.model import Engine
lab = DockerLab(engine=Engine(docker_host=sys.argv[1] or None, host_address=""), folder=Path(sys.argv[2]))
plan = lab.plan("owner-aaaaa")
bottle = lab.build(plan).bottle(plan.identity)
sidecar = lab.sidecar(bottle, plan, {})
bottle.create(plan, trust_store=sidecar.ready.trust_store)
print("up", flush=True)
time.sleep(1000)
"""


def test_a_killed_owner_takes_the_way_out_and_the_sandbox_with_it(
    lab: DockerLab, engine: Engine, tmp_path: Path
) -> None:
    path = os.pathsep.join(str(REPOSITORY / folder) for folder in ("src", "sidecar_image", "tests"))
    command = proc.Command(
        argv=(sys.executable, "-c", OWNER, engine.docker_host or "", str(tmp_path)),
        env={**os.environ, "PYTHONPATH": path},
        timeout=None,
    )
    owner = proc.spawn(command, stdin=proc.DEVNULL, stdout=proc.PIPE, new_session=True)
    assert owner.stdout is not None
    try:
        assert owner.stdout.readline() == b"up\n"
        wait_for(lambda: len(lab.names(("ps",), "owner-aaaaa")) == 2, "agent and sidecar are up, no listener")
    finally:
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
        owner.stdout.close()
    wait_for(lambda: lab.names(("ps", "--all"), "owner-aaaaa") == [], "both containers are gone")

    orphans = lab.backend().resources()
    assert {orphan.identity for orphan in orphans} == {"owner-aaaaa"}
    for orphan in orphans:
        orphan.remove()
        orphan.remove()
    assert left(lab, "owner-aaaaa") == []
