from typing import Any

import pytest
from attrs import evolve

from bottle_sidecar.gate.approval import Covered
from bottle_sidecar.policy.gate import GateRepo, RefUpdate

REPO = GateRepo(name="shop", user="git", host="h", path="/shop", host_key="k")
PUSH = Covered(
    repo=REPO,
    updates=(RefUpdate(old="0" * 40, new="1" * 40, ref="refs/heads/x"),),
    paths=(".github/ci.yml",),
    history="",
)


def test_the_title_shows_names_without_control_characters() -> None:
    push = evolve(PUSH, paths=(".github/\x1b[2J", *(f"f{number}" for number in range(9))))

    assert push.question().title == (
        "push to shop (refs/heads/x) touches .github/\\x1b[2J, f0, f1, f2, f3 and 5 more"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"repo": evolve(REPO, name="other")},
        {"updates": (RefUpdate(old="0" * 40, new="2" * 40, ref="refs/heads/x"),)},
        {"updates": (RefUpdate(old="2" * 40, new="1" * 40, ref="refs/heads/x"),)},
        {"updates": (RefUpdate(old="0" * 40, new="1" * 40, ref="refs/heads/main"),)},
        {"paths": (".github/ci.yml", ".github/b.yml")},
    ],
)
def test_another_push_is_another_question(changes: dict[str, Any]) -> None:
    assert evolve(PUSH, **changes).question().key != PUSH.question().key


def test_the_same_push_is_the_same_question_in_any_order() -> None:
    more = RefUpdate(old="0" * 40, new="1" * 40, ref="refs/heads/y")
    one, other = ((*PUSH.updates, more), (more, *PUSH.updates))

    assert evolve(PUSH, updates=one).question().key == evolve(PUSH, updates=other).question().key
