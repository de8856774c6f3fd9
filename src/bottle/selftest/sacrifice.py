"""Attacks that a bottle may die of, in bottles that are there to be lost."""

from collections.abc import Callable, Iterator, Sequence

from attrs import define, field

from bottle.errors import BottleError
from bottle.launch.launcher import LiveBottle
from bottle.selftest.catalogue import Assault
from bottle.selftest.kit import HELD
from bottle.selftest.runs import Line

Launch = Callable[[Callable[[LiveBottle], int]], int]
"""Brings a fresh bottle up, lets the work use it, and takes it down."""


@define(kw_only=True)
class Sacrifice:
    """`harm` tells what others suffer, or have suffered since the last time; `seen` has it by attack."""

    launch: Launch
    attack: Callable[[LiveBottle, Sequence[Assault]], Iterator[Line]]
    harm: Callable[[], list[str]]
    seen: dict[str, list[str]] = field(factory=dict, init=False)

    def lines(self, assaults: Sequence[Assault]) -> Iterator[Line]:
        """What the probes told, in bottle after bottle. Raises BottleError where one does not come up."""
        left = list(assaults)
        while left:
            told, lost = self._one_bottle(left)
            begun = [line["begins"] for line in told if "begins" in line]
            if not lost:
                yield from told
                return
            if not begun:
                raise BottleError(f"a bottle ended before it was attacked: {lost}")
            yield from (line for line in told if "ended" not in line)
            yield {"attack": begun[-1], "attempt": "its bottle", "outcome": HELD, "detail": lost}
            left = left[[one.module for one in left].index(begun[-1]) + 1 :]

    def _one_bottle(self, assaults: Sequence[Assault]) -> tuple[list[Line], str]:
        """What was told until all was over or the bottle was lost, and in the latter case by what."""
        told: list[Line] = []
        lost = []

        def work(live: LiveBottle) -> int:
            self._fight(live, assaults, told)
            if not live.bottle.running():
                lost.append("it ended")
            return 0

        try:
            self.launch(work)
        except BottleError as error:
            if not told:
                raise
            lost.append(str(error))
        return told, lost[-1] if lost else ""

    def _fight(self, live: LiveBottle, assaults: Sequence[Assault], told: list[Line]) -> None:
        current = ""
        for line in self.attack(live, assaults):
            told.append(line)
            if current and not {"begins", "over", "ended"}.isdisjoint(line):
                self.seen[current] += self.harm()
            if "begins" in line:
                current = line["begins"]
                self.seen[current] = self.harm()  # the attack goes on meanwhile
