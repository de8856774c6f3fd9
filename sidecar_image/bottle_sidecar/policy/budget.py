"""How much a bottle may spend at LLM APIs, and the account of what it has spent."""

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

from attrs import frozen

MAX_CALLS = 16  # calls that may be under way at once where money or tokens are limited
_NOTICE = 80  # percent of a limit


class Limit(StrEnum):
    """What is limited, as the key of a manifest's `budget`."""

    USD = "usd"
    TOKENS = "tokens"
    REQUESTS = "requests"

    def number(self, amount: int) -> str:
        """An amount in the unit of `text`."""
        return f"{Decimal(amount) / 1_000_000:f}" if self is Limit.USD else f"{amount}"

    def text(self, amount: int) -> str:
        """An amount for people."""
        return f"{self.number(amount)} {'dollars' if self is Limit.USD else self.value}"


@frozen(kw_only=True)
class Budget:
    """The most that a bottle may spend; None is unlimited. `usd_micro` in micro-dollars."""

    usd_micro: int | None = None
    tokens: int | None = None
    requests: int | None = None

    @property
    def limits(self) -> dict[Limit, int]:
        """Those that are set."""
        given = {Limit.USD: self.usd_micro, Limit.TOKENS: self.tokens, Limit.REQUESTS: self.requests}
        return {limit: most for limit, most in given.items() if most is not None}


@frozen(kw_only=True)
class Spent:
    """What a bottle had used before its sidecar started; `usd_micro` in micro-dollars."""

    usd_micro: int = 0
    tokens: int = 0
    requests: int = 0

    @property
    def amounts(self) -> dict[Limit, int]:
        return {Limit.USD: self.usd_micro, Limit.TOKENS: self.tokens, Limit.REQUESTS: self.requests}


@frozen(kw_only=True)
class Level:
    """How far a limit is used."""

    limit: Limit
    spent: int
    most: int

    @property
    def is_reached(self) -> bool:
        return self.spent >= self.most

    def __str__(self) -> str:
        return f"{self.limit.number(self.spent)} of {self.limit.text(self.most)} (budget.{self.limit.value})"


class Account:
    """One bottle's. What calls that are under way have announced counts already."""

    def __init__(self, budget: Budget, spent: Spent | None = None) -> None:
        self._granted = budget.limits
        self._limits = dict(self._granted)
        self._spent = (spent or Spent()).amounts
        self._noticed: set[tuple[Limit, bool]] = set()
        self._under_way = 0

    @property
    def is_crowded(self) -> bool:
        """Whether another call has to wait: those under way may each spend more than is left."""
        by_count_alone = set(self._limits) <= {Limit.REQUESTS}
        return not by_count_alone and self._under_way >= MAX_CALLS

    def exhausted(self) -> Level | None:
        """A limit that is reached, so that no further call may begin."""
        return next((level for level in self._levels() if level.is_reached), None)

    def begin(self) -> None:
        self._under_way += 1
        self._spent[Limit.REQUESTS] += 1

    def end(self) -> None:
        self._under_way -= 1

    def extend(self, limit: Limit) -> None:
        """Grants as much again as was granted at first."""
        self._limits[limit] += self._granted[limit]
        self._noticed -= {(limit, False), (limit, True)}

    def granted(self, limit: Limit) -> int:
        """How much was granted at first."""
        return self._granted[limit]

    def add(self, *, tokens: int, usd_micro: int) -> None:
        self._spent[Limit.TOKENS] += tokens
        self._spent[Limit.USD] += usd_micro

    def notices(self) -> list[Level]:
        """Limits that have passed the notice's mark, or were reached, since the last time this was asked."""
        passed = [level for level in self._levels() if level.spent * 100 >= level.most * _NOTICE]
        fresh = [level for level in passed if (level.limit, level.is_reached) not in self._noticed]
        self._noticed.update((level.limit, level.is_reached) for level in fresh)
        return fresh

    def _levels(self) -> Iterator[Level]:
        return (
            Level(limit=limit, spent=self._spent[limit], most=most) for limit, most in self._limits.items()
        )
