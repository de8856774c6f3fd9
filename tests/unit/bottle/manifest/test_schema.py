from decimal import Decimal

import pytest

from bottle.manifest.schema import Budget, EnvTemplate, HostVariable, Resources
from bottle.plan import Limits
from bottle_sidecar.policy.budget import Budget as PolicyBudget

DEFAULT = Limits(cpus=2.0, memory=4 << 30, pids=512, disk=10 << 30)


def test_limits_are_the_default_where_nothing_is_said() -> None:
    assert Resources().limits(DEFAULT) == DEFAULT


def test_limits_that_are_given_win() -> None:
    given = Resources(cpus=0.5, memory=1 << 30, pids=64, disk=1 << 30)

    assert given.limits(DEFAULT) == Limits(cpus=0.5, memory=1 << 30, pids=64, disk=1 << 30)


def test_a_template_never_shows_more_than_names() -> None:
    template = EnvTemplate(parts=("x", HostVariable(name="A")))

    assert template.variables == ("A",)
    assert template.render({"A": "1", "B": "2"}) == "x1"


@pytest.mark.parametrize(("usd", "micro"), [("12.50", 12_500_000), ("0.0000019", 1), ("0.0000001", 1)])
def test_dollars_become_whole_micro_dollars_and_never_none(usd: str, micro: int) -> None:
    assert Budget(usd=Decimal(usd), tokens=5).policy() == PolicyBudget(usd_micro=micro, tokens=5)


def test_no_budget_is_no_limit() -> None:
    assert Budget().policy() == PolicyBudget()
