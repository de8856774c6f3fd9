import threading

from bottle.launch.watch import Watch


class Looking(Watch):
    def __init__(self) -> None:
        super().__init__("looking", 0.001)
        self.seen = threading.Semaphore(0)

    def look(self) -> None:
        self.seen.release()


def test_it_looks_until_the_block_ends() -> None:
    with Looking() as watch:
        assert all(watch.seen.acquire(timeout=20) for _ in range(3))
    while watch.seen.acquire(blocking=False):
        pass

    assert not watch.seen.acquire(timeout=0.02)
    assert "looking" not in [thread.name for thread in threading.enumerate()]
