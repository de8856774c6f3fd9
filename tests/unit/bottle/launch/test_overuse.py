from pathlib import Path

import pytest

from bottle.errors import BottleError
from bottle.launch.overuse import DiskGuard, OveruseError
from bottle.launch.signals import Terminated
from bottle.plan import Limits
from support.fakes import FakeBottle
from support.plans import plan

PLAN = plan(bottle_file=Path("/b/dev.md"), limits=Limits(cpus=1.0, memory=1 << 30, pids=9, disk=1 << 30))


@pytest.fixture
def bottle() -> FakeBottle:
    return FakeBottle(identity="dev-abcde", calls=[])


def reported_then(bottle: FakeBottle, error: BaseException) -> None:
    with DiskGuard(bottle, PLAN) as guard:
        guard.report(2 << 30)
        raise error


def test_the_bottle_ends_and_the_operator_learns_what_to_change(bottle: FakeBottle) -> None:
    with pytest.raises(OveruseError) as caught, DiskGuard(bottle, PLAN) as guard:
        guard.report(5 << 28)

    assert bottle.calls == ["halt"]
    assert str(caught.value) == "dev-abcde was ended: it used 1.25 GiB of its 1 GiB of disk"
    assert caught.value.hint == "raise resources.disk in /b/dev.md"
    assert caught.value.exit_code == 1


def test_what_nobody_can_measure_is_not_let_run(bottle: FakeBottle) -> None:
    with pytest.raises(OveruseError, match="could not be measured"), DiskGuard(bottle, PLAN) as guard:
        guard.report(None)

    assert bottle.calls == ["halt"]


def test_the_reason_takes_the_place_of_what_failed_through_it(bottle: FakeBottle) -> None:
    with pytest.raises(OveruseError):
        reported_then(bottle, BottleError("the files cannot be unpacked"))


def test_an_end_that_the_operator_asked_for_stays_one(bottle: FakeBottle) -> None:
    with pytest.raises(Terminated):
        reported_then(bottle, Terminated(15))


def test_nothing_happens_where_nothing_is_reported(bottle: FakeBottle) -> None:
    with DiskGuard(bottle, PLAN):
        pass

    assert bottle.calls == []
