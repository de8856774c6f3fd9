from pathlib import Path

import pytest

from bottle.selftest.catalogue import assaults
from bottle.selftest.facts import Untestable
from bottle.selftest.gitfacts import GitScene, missing
from bottle.selftest.repositories import OWN, THEIRS, UNDECLARED, Repositories
from bottle_sidecar.policy.gate import GateRepo, find


@pytest.fixture
def scene(tmp_path: Path) -> GitScene:
    heads = {OWN: "1" * 40, THEIRS: "2" * 40, UNDECLARED: "3" * 40}
    repositories = Repositories(folder=tmp_path, user="ada", sshd="/usr/sbin/sshd", heads=heads)
    return GitScene(repositories=repositories, address="127.0.0.1:2222")


def test_there_is_a_fact_for_each_attack_or_a_reason(scene: GitScene) -> None:
    named = {name for one in assaults(["git"]) for name in (one.attack.aim, one.attack.control)}
    why = Untestable("no sshd")

    assert set(scene.facts()) == set(missing(why)) == named
    assert set(missing(why).values()) == {why}


def test_the_control_alone_aims_at_what_is_declared(scene: GitScene) -> None:
    path = str(scene.repositories.path(OWN))
    declared = [GateRepo(name="own", user="ada", host="127.0.0.1", port=2222, path=path, host_key="")]
    facts = scene.facts()

    assert [find(declared, place) is not None for place in facts["git_declared"]["places"]] == [True]
    for name in ("git_undeclared", "git_spellings", "git_tricks"):
        places = facts[name]["places"]
        assert len(places) == len(set(places)) >= 9
        assert [place for place in places if find(declared, place)] == []
