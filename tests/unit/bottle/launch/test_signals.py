import os
import signal
import sys

import pytest

from bottle.launch.signals import Terminated, termination
from bottle.proc import PIPE, Command, end, spawn

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDING)
def test_each_becomes_an_exception_that_no_except_exception_catches(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in ENDING]
    with pytest.raises(Terminated) as caught, termination():
        _signal_ourselves(number)

    assert caught.value.signum == number
    assert not isinstance(caught.value, Exception)
    assert [signal.getsignal(each) for each in ENDING] == before


def test_nothing_interrupts_what_comes_after_the_first() -> None:
    torn_down = False

    def teardown() -> None:
        nonlocal torn_down
        for number in ENDING:
            os.kill(os.getpid(), number)
        torn_down = True

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            teardown()

    with pytest.raises(Terminated), termination():
        work()
    assert torn_down


def test_the_shield_covers_a_teardown_that_no_signal_began() -> None:
    with termination() as shield:
        shield.raise_()
        os.kill(os.getpid(), signal.SIGTERM)

    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def _signal_ourselves(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    signal.pause()


def test_what_the_caller_ignores_stays_ignored() -> None:
    """`nohup bottle run ... &` outlives the terminal it came from."""
    code = (
        "import os, signal; from bottle.launch.signals import termination\n"
        "with termination():\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    print('lives')\n"
        "assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN"
    )
    argv = ("sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-c", code)
    process = spawn(Command(argv=argv), stdout=PIPE)
    assert process.stdout is not None
    said = process.stdout.read()
    end(process)

    assert (said, process.returncode) == (b"lives\n", 0)
