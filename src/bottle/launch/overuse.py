"""A bottle that holds more of the disk than its plan allows is ended, and the operator told why."""

from types import TracebackType
from typing import Self

from bottle.backends.base import Bottle
from bottle.backends.errors import NotRunningError
from bottle.errors import BottleError
from bottle.plan import LaunchPlan
from bottle.sizes import shown


class OveruseError(BottleError):
    """A bottle was ended since it held too much of the disk, or nobody could tell how much."""


class DiskGuard:
    """Ends `bottle` on the word of whoever measures it; on leaving, raises OveruseError where it did.

    What fails inside because of that end is replaced by the reason for it.
    """

    def __init__(self, bottle: Bottle, plan: LaunchPlan) -> None:
        self._bottle = bottle
        self._plan = plan
        self._error: OveruseError | None = None

    def report(self, used: int | None) -> None:
        """An `Overuse`."""
        self._error = self._unmeasured() if used is None else self._exceeded(used)
        try:
            self._bottle.halt()
        except NotRunningError:
            return

    def _exceeded(self, used: int) -> OveruseError:
        identity, limit = self._plan.identity, self._plan.limits.disk
        return OveruseError(
            f"{identity} was ended: it used {shown(used)} of its {shown(limit)} of disk",
            hint=f"raise resources.disk in {self._plan.bottle_file}",
        )

    def _unmeasured(self) -> OveruseError:
        return OveruseError(
            f"{self._plan.identity} was ended: how much of the disk it uses could not be measured any more"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._error is not None and (error is None or isinstance(error, Exception)):
            raise self._error from None
