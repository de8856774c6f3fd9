"""The account: what counts when, when a limit is reached, and that each notice is given once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle_sidecar.policy.budget import MAX_CALLS, Account, Budget, Limit, Spent


def reached(account: Account) -> Limit | None:
    level = account.exhausted()
    return None if level is None else level.limit


@pytest.mark.parametrize(
    ("budget", "limit"),
    [
        (Budget(usd_micro=1000), Limit.USD),
        (Budget(tokens=500), Limit.TOKENS),
        (Budget(requests=2), Limit.REQUESTS),
    ],
)
def test_each_limit_is_reached_by_what_it_limits(budget: Budget, limit: Limit) -> None:
    account = Account(budget)
    account.begin()
    account.add(tokens=499, usd_micro=999)
    assert reached(account) is None

    account.begin()
    account.add(tokens=1, usd_micro=1)
    assert reached(account) is limit


@pytest.mark.parametrize(
    ("budget", "limit"),
    [
        (Budget(usd_micro=1001), Limit.USD),
        (Budget(tokens=501), Limit.TOKENS),
        (Budget(requests=3), Limit.REQUESTS),
    ],
)
def test_what_was_spent_before_counts(budget: Budget, limit: Limit) -> None:
    account = Account(budget, Spent(usd_micro=1000, tokens=500, requests=2))
    assert reached(account) is None

    account.begin()
    account.add(tokens=1, usd_micro=1)
    assert reached(account) is limit


def test_a_call_counts_as_a_request_from_its_start() -> None:
    account = Account(Budget(requests=1))
    account.begin()

    assert reached(account) is Limit.REQUESTS
    account.end()
    assert reached(account) is Limit.REQUESTS


@pytest.mark.parametrize(
    ("budget", "crowded"),
    [(Budget(usd_micro=1), True), (Budget(tokens=1), True), (Budget(requests=99), False), (Budget(), False)],
)
def test_calls_at_once_are_bounded_where_their_cost_is_limited(budget: Budget, crowded: bool) -> None:  # noqa: FBT001
    account = Account(budget)
    for _ in range(MAX_CALLS):
        assert not account.is_crowded
        account.begin()
    assert account.is_crowded is crowded

    account.end()
    assert not account.is_crowded


def test_notices_come_once_at_80_percent_and_once_at_the_limit() -> None:
    account = Account(Budget(tokens=100, usd_micro=1_500_000))
    account.add(tokens=79, usd_micro=1_000_000)
    assert account.notices() == []

    account.add(tokens=1, usd_micro=0)
    (notice,) = account.notices()
    assert (str(notice), notice.is_reached) == ("80 of 100 tokens (budget.tokens)", False)
    assert account.notices() == []

    account.add(tokens=30, usd_micro=600_000)
    assert [str(level) for level in account.notices()] == [
        "1.6 of 1.5 dollars (budget.usd)",
        "110 of 100 tokens (budget.tokens)",
    ]
    assert account.notices() == []


def test_without_a_budget_nothing_is_limited() -> None:
    account = Account(Budget())
    account.begin()
    account.add(tokens=10**12, usd_micro=10**12)

    assert reached(account) is None
    assert account.notices() == []


@given(st.integers(1, 10**6), st.lists(st.integers(0, 10**5), max_size=30))
def test_the_limit_is_reached_exactly_when_the_sum_is(most: int, amounts: list[int]) -> None:
    account = Account(Budget(tokens=most))
    for amount in amounts:
        account.add(tokens=amount, usd_micro=0)

    assert (account.exhausted() is not None) == (sum(amounts) >= most)


def test_more_is_granted_of_one_limit_and_its_notices_come_anew() -> None:
    account = Account(Budget(tokens=10, requests=100), Spent(tokens=9))
    account.add(tokens=3, usd_micro=0)
    assert reached(account) is Limit.TOKENS
    assert len(account.notices()) == 1

    account.extend(Limit.TOKENS)

    assert reached(account) is None
    assert account.notices() == []
    account.add(tokens=4, usd_micro=0)
    assert [str(level) for level in account.notices()] == ["16 of 20 tokens (budget.tokens)"]
    account.extend(Limit.TOKENS)
    assert account.granted(Limit.TOKENS) == 10
    account.add(tokens=14, usd_micro=0)
    assert reached(account) is Limit.TOKENS
