import signal
from select import select
from signal import SIGHUP, SIGTERM, SIGWINCH

from bottle.signal_queue import SignalQueue


def test_signals_queue_up_once_each_in_order() -> None:
    with SignalQueue(SIGTERM, SIGWINCH) as queue:
        assert queue.take() == []
        for number in (SIGWINCH, SIGTERM, SIGWINCH):
            signal.raise_signal(number)

        assert select([queue], [], [], 10)[0] == [queue]
        assert queue.take() == [SIGWINCH, SIGTERM]
        assert queue.take() == []


def test_handlers_and_wakeup_come_back_also_when_nested() -> None:
    before = signal.getsignal(SIGTERM)
    with SignalQueue(SIGTERM) as outer:
        with SignalQueue(SIGTERM) as inner:
            signal.raise_signal(SIGTERM)
            assert inner.take() == [SIGTERM]
        signal.raise_signal(SIGTERM)
        assert outer.take() == [SIGTERM]

    assert signal.getsignal(SIGTERM) is before
    assert signal.set_wakeup_fd(-1) == -1


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(SIGHUP, signal.SIG_IGN)
    try:
        with SignalQueue(SIGHUP) as queue:
            signal.raise_signal(SIGHUP)
            assert queue.take() == []
            assert signal.getsignal(SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(SIGHUP, before)
