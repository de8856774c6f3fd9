import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bottle.proc import Command, run
from bottle.selftest import kit
from bottle.selftest.kit import Attempt, attack

FOLDER = Path(kit.__file__).parent
PROBE = '''
import os, signal, time
from bottle.selftest.kit import attack, done

@attack(aim="x", source="s", expects="e")
def attempts(aim):
    """Tries."""
{body}
'''


def tried(body: str) -> list[tuple[str, str, str]]:
    """Each attempt, its outcome and detail, of a probe with this body."""
    lines = told(body)
    assert lines[0] == {"begins": "bottle.probe"}
    assert lines[-1] == {"over": True}
    return [(line["attempt"], line["outcome"], line["detail"]) for line in lines[1:-1]]


def told(body: str, *, aim: object = "aim") -> list[dict[str, Any]]:
    probe = PROBE.format(body="".join(f"    {line}\n" for line in body.splitlines()))
    sources = {"bottle.selftest.kit": (FOLDER / "kit.py").read_text(), "bottle.probe": probe}
    bundle = json.dumps({"sources": sources, "runs": [("bottle.probe", aim)]}).encode()
    argv = (sys.executable, "-I", "-c", (FOLDER / "boot.py").read_text())
    return [json.loads(line) for line in run(Command(argv=argv), stdin=bundle).stdout.splitlines()]


def outcomes(body: str) -> Sequence[str]:
    return [outcome for _, outcome, _ in tried(body)]


def test_what_an_attempt_returns_is_its_gain() -> None:
    assert tried('yield "one", lambda: aim\nyield "two", lambda: ""') == [
        ("one", "through", "aim"),
        ("two", "held", ""),
    ]


def test_a_refusal_by_the_system_is_held_and_any_other_failure_broken() -> None:
    found = tried('yield "no", lambda: os.stat("/nowhere")\nyield "bug", lambda: 1 / 0')

    assert found[0] == ("no", "held", "[Errno 2] No such file or directory: '/nowhere'")
    assert found[1][1] == "broken"
    assert "ZeroDivisionError" in found[1][2]


def test_a_killed_attempt_is_held_and_a_silent_end_is_broken() -> None:
    killed = 'yield "killed", lambda: os.kill(os.getpid(), signal.SIGSYS)\nyield "gone", lambda: os._exit(3)'

    assert tried(killed) == [("killed", "held", "killed by SIGSYS"), ("gone", "broken", "exit 3")]


def test_a_probe_that_cannot_list_its_attempts_is_broken() -> None:
    assert outcomes('yield "one", lambda: 1\nraise KeyError(aim)') == ["broken", "through"]


def test_attempts_keep_their_order_and_do_not_disturb_each_other() -> None:
    body = 'for index in range(20):\n    yield str(index), lambda index=index: (os.chdir("/"), index)[1] + 1'

    assert [(what, outcome) for what, outcome, _ in tried(body)] == [
        (str(index), "through") for index in range(20)
    ]


def test_what_an_attempt_leaves_running_ends_with_the_attack() -> None:
    daemon = 'yield "daemon", lambda: os.fork() or (os.setsid(), time.sleep(600))'

    assert outcomes(daemon) == ["through"]


def test_an_attack_says_what_it_tries_and_aims_at_itself_outside_without_a_control() -> None:
    @attack(aim="a", source="s", expects="e")
    def bare(aim: object) -> Iterator[Attempt]:
        """Tries this
        and that.
        """
        yield "one", list

    @attack(aim="a", source="s", expects="e", control="c")
    def controlled(aim: object) -> Iterator[Attempt]:
        """Tries."""
        yield "one", list

    assert (bare.tries, bare.control, bare.outside) == ("Tries this and that.", "a", True)
    assert (controlled.control, controlled.outside) == ("c", False)
