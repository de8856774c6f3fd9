import time
from pathlib import Path

from bottle.launch.asking import DecisionWatch, Registrar
from bottle.state.proposals import Proposals
from bottle_sidecar.control.protocol import Ask, Decide, Notice

ASK = Ask(key="k", what="push", title="push \x1b[2J", text="text")


class Sidecar:
    def __init__(self) -> None:
        self.told: list[Decide] = []

    def tell(self, message: Decide) -> None:
        self.told.append(message)


def test_the_operator_hears_of_a_question_once(tmp_path: Path) -> None:
    heard: list[str] = []
    registrar = Registrar("dev-abcde", Proposals(tmp_path), heard.append)

    registrar.hear(ASK)
    registrar.hear(Notice(text="so it is"))
    registrar.hear(ASK)

    assert heard == ["asks for a yes: push \\x1b[2J (bottle approve dev-abcde)", "so it is"]


def test_each_decision_is_told_once_those_of_before_at_the_start(tmp_path: Path) -> None:
    proposals, sidecar = Proposals(tmp_path), Sidecar()
    for key in ("a", "b"):
        proposals.file(key=key, kind="push", title="", text="")
    proposals.decide(1, approved=True)
    with DecisionWatch(proposals, sidecar, interval=0.01):
        await_told(sidecar, 1)
        proposals.decide(2, approved=False, reason="no")
        await_told(sidecar, 2)

    assert sidecar.told == [
        Decide(key="a", approved=True),
        Decide(key="b", approved=False, reason="no"),
    ]


def test_what_cannot_be_read_is_no_decision(tmp_path: Path) -> None:
    proposals, sidecar = Proposals(tmp_path), Sidecar()
    proposals.file(key="a", kind="push", title="", text="")
    decision = tmp_path / "proposals" / "1.decision"
    decision.write_text("yes")
    with DecisionWatch(proposals, sidecar, interval=0.01):
        time.sleep(0.05)
        assert sidecar.told == []
        decision.unlink()
        proposals.decide(1, approved=True)
        await_told(sidecar, 1)


def await_told(sidecar: Sidecar, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(sidecar.told) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)
