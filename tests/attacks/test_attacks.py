"""Every attack, on every back-end, with the proof that it could have succeeded."""

import pytest

from attacks.runner import Assault, Range, assaults


@pytest.mark.parametrize("assault", assaults(), ids=str)
def test_attack_is_held_off(assault: Assault, attacked: Range) -> None:
    aftermath = attacked.aftermath(assault.claim)
    name = assault.attack.name
    report, control = aftermath.attacks[name], aftermath.controls[name]

    assert not report.broken, f"the probe does not work: {report.broken}"
    assert report.attempts, "nothing was tried"
    assert not report.through, f"{assault.says} But {assault.attack.tries} got through: {report.through}"
    assert control.through, f"the control shows nothing: {control}"
    if assault.attack.every:
        assert len(control.through) == len(control.attempts), f"not shown: {control}"


@pytest.mark.parametrize("claim", sorted({assault.claim for assault in assaults()}))
def test_the_host_saw_nothing_of_it(claim: str, attacked: Range) -> None:
    assert not attacked.aftermath(claim).witnesses or not attacked.again(claim).witnesses
