import json
import sys
from pathlib import Path
from threading import Event

import pytest

from bottle.errors import EnvironmentLacksError
from bottle.proc import Command
from bottle.sidecar.process import SidecarError, SidecarProcess
from bottle_sidecar.control.protocol import Exit, Remark, Start
from bottle_sidecar.policy.document import Policy

SECRET = "the-token-value"
START = Start(
    identity="dev-abcde", policy=Policy(), exit=Exit(handover="/run/exit"), tokens={"TOKEN": SECRET}
)
READY = json.dumps({"kind": "ready", "ca_certificate": "C", "ca_fingerprint": "F", "trust_store": "T"})


def program(code: str) -> Command:
    return Command(argv=(sys.executable, "-c", f"import sys, os, time, signal\n{code}"))


def answering(line: str) -> Command:
    return program(
        f"sys.stdin.readline(); sys.stdout.write({line!r} + '\\n'); sys.stdout.flush(); sys.stdin.read()"
    )


def telling(expression: str) -> Command:
    """Ready at once; `expression` is told in the place of the fingerprint."""
    ready = f"{READY!r}.replace('\"F\"', '\"%s\"' % ({expression}))"
    return program(f"sys.stdin.readline(); print({ready}, flush=True)")


def test_it_is_told_everything_on_stdin_and_answers_ready(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    code = (
        f"open({str(copy)!r}, 'w').write(sys.stdin.readline())\n"
        f"print({READY!r}.replace('T', 'T' * 200_000), flush=True)\n"
        "print(sys.stdin.readline(), file=sys.stderr)"
    )
    with SidecarProcess(program(code), START, log=tmp_path / "log") as sidecar:
        ready, alive = sidecar.ready, sidecar.alive

    assert (ready.ca_fingerprint, len(ready.trust_store), alive) == ("F", 200_000, True)
    assert not sidecar.alive
    assert json.loads(copy.read_text())["tokens"] == {"TOKEN": SECRET}
    assert '"kind": "shutdown"' in (tmp_path / "log").read_text()


def test_the_secrets_are_in_no_argument_or_environment(tmp_path: Path) -> None:
    seen = "open('/proc/self/cmdline').read() + open('/proc/self/environ').read()"
    with SidecarProcess(telling(f"{SECRET[::-1]!r}[::-1] in {seen}"), START, log=tmp_path / "log") as sidecar:
        assert sidecar.ready.ca_fingerprint == "False"


def test_it_is_out_of_the_terminal_s_reach(tmp_path: Path) -> None:
    """Ctrl-C goes to a terminal's whole foreground group; the way out must outlive it until the teardown."""
    with SidecarProcess(telling("os.getsid(0) == os.getpid()"), START, log=tmp_path / "log") as sidecar:
        assert sidecar.ready.ca_fingerprint == "True"


def test_stop_is_idempotent_and_survives_its_death(tmp_path: Path) -> None:
    sidecar = SidecarProcess(
        program(f"sys.stdin.readline(); print({READY!r}, flush=True)"), START, log=tmp_path / "log"
    )
    sidecar.stop()
    sidecar.stop()

    assert sidecar.alive is False


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (answering("{"), "answered with something unreadable"),
        (answering("[1, 2]"), "answered with something unreadable"),
        (answering("7"), "answered with something unreadable"),
        (answering('{"kind": ["ready"]}'), "answered with something unreadable"),
        (answering('{"kind": "ready"}'), "answered with something unreadable"),
        (answering('{"kind": "shutdown"}'), "answered out of turn"),
        (answering('{"kind": "failed", "message": "no such policy"}'), "could not start: no such policy"),
        (program("sys.exit('no module named x')"), "died while starting:\nno module named x"),
        (program("sys.exit(0)"), "died while starting"),
        (program("os.close(0); os.write(1, b'{'); sys.exit(3)"), "died while starting"),
    ],
)
def test_a_failed_start_is_told_in_words_and_leaves_no_process(
    tmp_path: Path, command: Command, message: str
) -> None:
    with pytest.raises(SidecarError, match=message) as caught:
        SidecarProcess(command, START, log=tmp_path / "log")

    assert SECRET not in str(caught.value)


def told(code: str, tmp_path: Path, *, stop: bool = True) -> list[int | None]:
    """What a sidecar that runs `code` after it is ready makes known of overuse."""
    found: list[int | None] = []
    heard = Event()

    def overuse(used: int | None) -> None:
        found.append(used)
        heard.set()

    running = program(f"sys.stdin.readline(); print({READY!r}, end='')\n{code}")
    with SidecarProcess(running, START, log=tmp_path / "log", overuse=overuse):
        assert stop or heard.wait(30)
    return found


def test_overuse_is_told_once_even_in_one_breath_with_ready(tmp_path: Path) -> None:
    line = '{"kind": "exceeded", "used": 7}'
    code = f"print(); print('what?'); print({line!r}); print({line!r}, flush=True); sys.stdin.read()"

    assert told(code, tmp_path, stop=False) == [7]


def test_a_sidecar_that_dies_measures_no_more(tmp_path: Path) -> None:
    assert told("print(flush=True)", tmp_path, stop=False) == [None]


def test_a_sidecar_that_is_stopped_has_nothing_to_tell(tmp_path: Path) -> None:
    assert told("print(flush=True); sys.stdin.read()", tmp_path) == []


def test_a_missing_program_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError):
        SidecarProcess(Command(argv=("/no/such/python",)), START, log=tmp_path / "log")


def test_what_it_is_told_later_comes_before_the_end(tmp_path: Path) -> None:
    code = f"sys.stdin.readline(); print({READY!r}, flush=True); sys.stderr.write(sys.stdin.read())"
    with SidecarProcess(program(code), START, log=tmp_path / "log") as sidecar:
        sidecar.tell(Remark(reason="noticed"))
    said = [json.loads(line)["kind"] for line in (tmp_path / "log").read_text().splitlines()]
    assert said == ["remark", "shutdown"]


def test_what_a_dead_one_is_told_is_no_fault(tmp_path: Path) -> None:
    with SidecarProcess(telling("1"), START, log=tmp_path / "log") as sidecar:
        sidecar._process.wait()
        sidecar.tell(Remark(reason="noticed"))
