"""One sshd and one gate for all tests of a file, with a repository for each test."""

from collections.abc import Iterator
from itertools import count

import pytest

from bottle_sidecar.policy.gate import PushRules
from support.gitgate import SECRET, GateLab, Remote
from support.sshd import Sshd

_REPOS = 60
NARROW = PushRules(refs=("main", "refs/heads/agent/*"), force=False, delete=False)
ASKS = PushRules(paths_ask=(".github/*",))


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, sshd: Sshd) -> Iterator[GateLab]:
    """Serves r0, r1, …, and four more; none of the repositories is there before a test makes it."""
    repos = [sshd.declared(f"r{number}") for number in range(_REPOS)]
    repos += [sshd.declared("secrets"), sshd.declared("target"), sshd.declared("narrow", push=NARROW)]
    repos.append(sshd.declared("asks", push=ASKS))
    folder = tmp_path_factory.mktemp("gate") / "lab"
    with GateLab(folder, repos, sshd.key, tokens={"TOKEN": SECRET}) as started:
        yield started


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return count()


@pytest.fixture
def remote(lab: GateLab, sshd: Sshd, _numbers: Iterator[int]) -> Remote:
    """A repository of the test's own, empty."""
    name = f"r{next(_numbers)}"
    return Remote(lab=lab, url=sshd.url(name), bare=sshd.bare(name))


@pytest.fixture
def other_remote(lab: GateLab, sshd: Sshd, _numbers: Iterator[int]) -> Remote:
    name = f"r{next(_numbers)}"
    return Remote(lab=lab, url=sshd.url(name), bare=sshd.bare(name))
