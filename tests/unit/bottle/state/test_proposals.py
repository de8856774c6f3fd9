from pathlib import Path
from threading import Barrier, Thread

import pytest

from bottle.errors import BottleError
from bottle.state.proposals import Proposal, Proposals


def filed(at: Proposals, key: str) -> Proposal:
    return at.file(key=key, kind="push", title=f"title \udcff {key}", text="text\n")


def test_each_is_filed_once_and_numbered(tmp_path: Path) -> None:
    at = Proposals(tmp_path)
    assert at.all() == []

    first, second, again = filed(at, "a"), filed(at, "b"), filed(at, "a")

    assert (first.number, second.number) == (1, 2)
    assert again == first
    assert at.all() == at.pending() == [first, second]


def test_a_decision_counts_once(tmp_path: Path) -> None:
    at = Proposals(tmp_path)
    filed(at, "a")
    at.decide(1, approved=False, reason="not that")

    with pytest.raises(BottleError, match="proposal 1 was decided already"):
        at.decide(1, approved=True)
    (proposal,) = at.all()
    assert proposal.decision
    assert (proposal.decision.approved, proposal.decision.reason) == (False, "not that")
    assert at.pending() == []
    assert filed(at, "a") == proposal


def test_of_two_who_decide_at_once_one_is_told(tmp_path: Path) -> None:
    at, told, together = Proposals(tmp_path), list[BottleError](), Barrier(8)
    filed(at, "a")

    def decide() -> None:
        together.wait()
        try:
            at.decide(1, approved=True)
        except BottleError as error:
            told.append(error)

    threads = [Thread(target=decide) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(told) == 7
    assert sorted(path.name for path in (tmp_path / "proposals").iterdir()) == ["1.decision", "1.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"number": 1}'])
def test_a_damaged_one_is_an_error(tmp_path: Path, text: str) -> None:
    at = Proposals(tmp_path)
    filed(at, "a")
    (tmp_path / "proposals" / "1.json").write_text(text)

    with pytest.raises(BottleError, match="cannot be read"):
        at.all()
