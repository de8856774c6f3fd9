from bottle.backends.errors import IsolationError, NotRunningError


def test_both_are_failures_of_the_operation() -> None:
    assert (IsolationError.exit_code, NotRunningError.exit_code) == (1, 1)
