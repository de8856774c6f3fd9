from bottle.progress import Progress, Silent
from support.fakes import RecordedProgress


def test_silence_is_a_progress_too() -> None:
    entered = False
    progress: Progress = Silent()
    with progress.step("building"):
        progress.note("a note")
        with progress.counting("copying", str):
            entered = True

    assert entered


def test_so_is_what_the_tests_use() -> None:
    recorded = RecordedProgress()
    progress: Progress = recorded
    with progress.step("building"):
        progress.note("a note")

    assert (recorded.steps, recorded.notes) == (["building"], ["a note"])
