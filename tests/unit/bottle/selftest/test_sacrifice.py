from collections.abc import Callable, Iterator, Sequence

import pytest
from attrs import define, field

from bottle.errors import BottleError
from bottle.launch.launcher import LiveBottle
from bottle.selftest.catalogue import Assault
from bottle.selftest.kit import HELD
from bottle.selftest.runs import Line
from bottle.selftest.sacrifice import Sacrifice
from support.attacks import assault
from support.fakes import FakeBottle

FIRST, DEADLY, LAST = (assault(name) for name in ("first", "deadly", "last"))


class Mortal(FakeBottle):
    dead = False

    def running(self) -> bool:
        return not self.dead


@define
class Scene:
    """`deadly`: the bottle ends in the middle of it, and its launch says `error` about that, if anything."""

    deadly: str = ""
    error: str = ""
    bottles: list[Mortal] = field(factory=list)
    harm: list[list[str]] = field(factory=list)

    def launch(self, work: Callable[[LiveBottle], int]) -> int:
        bottle = Mortal(identity="selftest-abcde", calls=[])
        self.bottles.append(bottle)
        status = work(LiveBottle(bottle=bottle, identity=bottle.identity, argv=(), env={}))
        if bottle.dead and self.error:
            raise BottleError(self.error)
        return status

    def attack(self, live: LiveBottle, assaults: Sequence[Assault]) -> Iterator[Line]:
        for one in assaults:
            yield {"begins": one.module}
            if one.module == self.deadly:
                self.bottles[-1].dead = True
                yield {"ended": "the probe ended with 137"}
                return
            yield {"attack": one.module, "attempt": "1", "outcome": HELD, "detail": ""}
        yield {"over": True}

    def lines(self, *assaults: Assault) -> list[Line]:
        self.made = Sacrifice(
            launch=self.launch, attack=self.attack, harm=lambda: self.harm.pop() if self.harm else []
        )
        return list(self.made.lines(assaults))

    made: Sacrifice = field(init=False)


def test_one_bottle_serves_for_all_that_it_survives() -> None:
    scene = Scene()

    assert [line.get("attack") for line in scene.lines(FIRST, LAST) if "attempt" in line] == [
        FIRST.module,
        LAST.module,
    ]
    assert len(scene.bottles) == 1


@pytest.mark.parametrize(("error", "said"), [("", "it ended"), ("it used too much", "it used too much")])
def test_the_loss_of_a_bottle_counts_as_held_and_the_next_one_goes_on(error: str, said: str) -> None:
    scene = Scene(deadly=DEADLY.module, error=error)
    lines = scene.lines(FIRST, DEADLY, LAST)

    assert {"attack": DEADLY.module, "attempt": "its bottle", "outcome": HELD, "detail": said} in lines
    assert not any("ended" in line for line in lines)
    assert lines[-2]["attack"] == LAST.module
    assert len(scene.bottles) == 2


def test_a_probe_that_ends_in_a_bottle_that_lives_is_a_broken_one() -> None:
    scene = Scene(deadly=DEADLY.module)
    scene.bottles = Immortals()

    assert scene.lines(DEADLY)[-1] == {"ended": "the probe ended with 137"}


class Immortals(list[Mortal]):
    def append(self, bottle: Mortal) -> None:
        super().append(bottle)
        super().append(Mortal(identity="another", calls=[]))


def test_what_others_suffer_is_noted_with_the_attack() -> None:
    scene = Scene(harm=[[], [], ["the neighbour is not served"], []])
    scene.lines(FIRST, LAST)

    assert scene.made.seen == {FIRST.module: ["the neighbour is not served"], LAST.module: []}


def test_a_bottle_that_does_not_come_up_is_no_success() -> None:
    def failing(work: object) -> int:
        raise BottleError("no bwrap")

    with pytest.raises(BottleError, match="no bwrap"):
        list(Sacrifice(launch=failing, attack=Scene().attack, harm=list).lines([FIRST]))
